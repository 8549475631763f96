"""How the twins of the families in ``cipher`` and ``cipher_deal`` are worded."""

from assay.benchmarks.korgen.surface import Wording, mirrored_alphabet, permuted_letters

_ASKED = (
    ("Encipher {text:w}.", "Bring {text} into its secret form."),
    ("The enciphered text is {text:w}. What is the plain text?", "Recover the message whose secret form reads {text}."),
)

WORDINGS = {
    "wheel": Wording(
        (
            (
                "The {name:n} wheel carries the letters {ring} in this order clockwise, and behind the last comes the "
                "first again. To encipher a text, replace each letter in turn by the one that stands a number of "
                "places further clockwise; a negative number of places is counted counter-clockwise. The number is "
                "{start:d} for the first letter of the text. After each letter it changes: if the letter of the plain "
                "text was one of {marked}, the number grows by {grow:d}; otherwise it shrinks by {other:d}.",
                "Around the {name} disk, following the sun, are engraved {ring}; the circle then closes. Secret forms "
                "arise mark by mark: advance with the sun along the disk by the current stride and copy what is "
                "engraved there (strides below zero run against the sun). Start out with a stride of {start}. Having "
                "dealt with a mark of the original, lengthen the stride by {grow} provided the original mark belongs "
                "to {marked}, or else shorten it by {other}.",
            ),
            *_ASKED,
            ("What comes of letter {n:d}.", "What becomes of mark {n}."),
        ),
        restate=permuted_letters,
    ),
    "fold": Wording(
        (
            (
                "The {name:n} cipher uses a grid of {height:d} rows and {width:d} columns. The text, which has "
                "{letters:d} letters, is written into the rows from the top row, number 1, to the bottom row: rows "
                "with {bends} number are filled from right to left, the others from left to right. Above the columns, "
                "from left to right, stand the key numbers {key}. The enciphered text is read out column by column, "
                "in the order of the key numbers, beginning with 1: columns with {climbs} key number are read from "
                "bottom to top, the others from top to bottom.",
                "For {name} secrets draw {height} lines of {width} boxes. Messages consist of {letters} marks and are "
                "entered line after line downwards, line 1 being the uppermost; in lines whose number is {bends} one, "
                "entering runs leftwards, elsewhere rightwards. Label the box stacks, leftmost first, {key}. Then "
                "copy stack after stack by ascending label, upwards where the label is {climbs} one and downwards "
                "elsewhere.",
            ),
            *_ASKED,
        ),
        restate=permuted_letters,
    ),
    "pairs": Wording(
        (
            ("The {name:n} cipher uses this table of letters:", "{name} secrets rest on the following field of marks."),
            (
                "The text is cut into pairs of letters from its beginning, and each pair is replaced by another pair. "
                "To move down from the bottom row leads to the top row of the same column; to move right from the "
                "last column leads to the first column of the same row.",
                "Take a message two marks at a time from its start on, and substitute every couple. The field wraps "
                "around: below its lowest line comes the uppermost one, and beyond its right edge lies its left edge.",
            ),
            (
                "- Two equal letters: both are replaced by the letter one place down and one place right of theirs.",
                "- If a mark is doubled, put twice the mark diagonally below to the right.",
            ),
            (
                "- Different letters in one row: each is replaced by the letter {down:d} place down from it.",
                "- If both marks differ but share a line, go {down} line lower with either.",
            ),
            (
                "- Different letters in one row: each is replaced by the letter {down:d} places down from it.",
                "- If both marks differ but share a line, go {down} lines lower with either.",
            ),
            (
                "- Different letters in one column: each is replaced by the letter {right:d} place right of it.",
                "- If both marks differ but share a stack, go {right} stack to the right with either.",
            ),
            (
                "- Different letters in one column: each is replaced by the letter {right:d} places right of it.",
                "- If both marks differ but share a stack, go {right} stacks to the right with either.",
            ),
            (
                "- Otherwise each is replaced by the letter in its own row and the column of the other.",
                "- In all remaining cases, either mark stays on its line and slides into the stack of its partner.",
            ),
            (
                "- Otherwise each is replaced by the letter in its own column and the row of the other.",
                "- In all remaining cases, either mark stays in its stack and slides onto the line of its partner.",
            ),
            *_ASKED,
        ),
        restate=permuted_letters,
    ),
    "layers": Wording(
        (
            (
                "The {name:n} cipher changes a text in {layers:d} steps, each applied to the outcome of the one "
                "before. Places are counted from the left, beginning with 1. The alphabet has the 26 letters from A "
                "to Z, and behind Z comes A again.",
                "To get a {name} secret, send a message through {layers} stations; each receives what its predecessor "
                "delivers. Position 1 is leftmost. The ABC is the usual one with 26 marks, closed to a circle.",
            ),
            ("Write the text backwards.", "Reverse everything."),
            (
                "Move the first {k:d} letters, in the same order, to the end.",
                "Cut {k} marks off at the front and append them unmixed.",
            ),
            (
                "Exchange the letters in places 1 and 2, in places 3 and 4, and so on; a single last letter stays.",
                "Swap neighbours pairwise from the start on; an odd mark left over remains.",
            ),
            (
                "Replace each letter in an even place by the letter {shift:d} further on in the alphabet.",
                "At positions 2, 4, 6 ... advance the mark by {shift} along the ABC.",
            ),
            (
                "Replace each letter in an odd place by the letter {shift:d} further on in the alphabet.",
                "At positions 1, 3, 5 ... advance the mark by {shift} along the ABC.",
            ),
            (
                "Write down first the letters in even places, then the others, both in the same order as before.",
                "Collect the marks at positions 2, 4, 6 ... and let those at 1, 3, 5 ... follow, unmixed.",
            ),
            (
                "Write down first the letters in odd places, then the others, both in the same order as before.",
                "Collect the marks at positions 1, 3, 5 ... and let those at 2, 4, 6 ... follow, unmixed.",
            ),
            (
                "Replace each letter by its mirror image in the alphabet: A by Z, B by Y, ..., Z by A.",
                "Let first and last mark of the ABC trade roles, likewise second and last but one, and all further "
                "ones.",
            ),
            *_ASKED,
            ("The text after step {n:d}.", "The message behind station {n}."),
            (
                "The text after undoing that many steps, the last one first: {n:d}.",
                "The message after going back through that many stations: {n}.",
            ),
        ),
        restate=mirrored_alphabet,
    ),
    "deal": Wording(
        (
            (
                "The {name:n} cipher deals the letters of a text onto {piles:d} piles, beginning with its first "
                "letter: as many as said below onto pile 1, then onto pile 2 and so on; behind the last pile comes "
                "pile 1 again, until no letter is left. Then the piles are read, each in its own direction; 'first' "
                "is the letter that was dealt onto the pile first. The piles are read in the order {order}, and what "
                "is read is the enciphered text.",
                "{name} secrets are made with {piles} trays. Marks of the message, from its start on, are laid out: a "
                "stated number into tray 1, a stated number into tray 2, onward through all trays and round again "
                "while marks remain. Afterwards empty the trays by the sequence {order} and string together what they "
                "held, oldest or newest mark leading as stated.",
            ),
            (
                "  Pile {n:d} gets {count:d} and is read from the last to the first.",
                "  Tray {n}: {count} at a time, newest mark leading.",
            ),
            (
                "  Pile {n:d} gets {count:d} and is read from the first to the last.",
                "  Tray {n}: {count} at a time, oldest mark leading.",
            ),
            *_ASKED,
        ),
        restate=permuted_letters,
    ),
}
