"""How the twins of the families in ``strings`` are worded."""

from assay.benchmarks.korgen.surface import Wording, permuted_letters

WORDINGS = {
    "rewrite": Wording(
        (
            (
                "{name:n} rewriting changes a string of letters turn by turn. At each turn, the first line of this "
                "list whose left side occurs in the string is chosen, and the leftmost occurrence of its left side is "
                "replaced by its right side:",
                "Beads of a {name} chain obey recipes, tried from the top. Every day, go down the recipes till you "
                "meet one whose beads before '>' sit somewhere in the chain side by side; at their earliest spot, put "
                "the beads after '>' in their stead. No further recipe is used that day.",
            ),
            (
                "Which string is there after {turns:d} turns, if it is {start:w} at first?",
                "Starting from the chain {start}, how does it read when {turns} days have passed?",
            ),
            ("The string after turn {n:d}.", "The chain after day {n}."),
        ),
        restate=permuted_letters,
    ),
    "weave": Wording(
        (
            (
                "A {name:n} weave makes one string out of several strands. The strands take turns in the order in "
                "which the list names them, again and again. At its turn a strand gives letters, which are put to the "
                "right of what is already woven, and loses them. A strand with fewer letters than it should give "
                "gives what it has; an empty one is passed over. When all are empty, the weave is done.",
                "A {name} parade forms from groups of marchers. Following the sequence below and starting over as "
                "often as needed, each group dispatches a few marchers, who line up behind those on parade. Groups "
                "with too few left dispatch all of them, used-up groups are skipped, and everybody ends up on parade.",
            ),
            (
                "  {strand:w} gives {n:d}, one by one, from its right end.",
                "  From {strand}, dispatch {n} singly, hindmost first.",
            ),
            (
                "  {strand:w} gives {n:d}, one by one, from its left end.",
                "  From {strand}, dispatch {n} singly, foremost first.",
            ),
            ("The strands: {strands}. What is woven?", "Groups, foremost marcher first: {strands}. Write the parade."),
            ("What is woven after round {n:d}.", "The parade after round {n}."),
        ),
        restate=permuted_letters,
    ),
    "lexicon": Wording(
        (
            (
                "The {name:n} alphabet has the letters {letters} in this order, and all words have {length:d} "
                "letters. To compare two words, look at their letters in the places {places}, one after the other, "
                "until they differ; place 1 is the leftmost. The word whose letter comes earlier in the alphabet "
                "comes first. Only in place {turned:d} it is the other way round: there, the word with the later "
                "letter comes first.",
                "Flags of the {name} fleet carry {length} marks, number 1 at the left. Marks rank {letters}, highest "
                "rank leading. Of any couple of flags, check mark after mark by the numbers {places} for a "
                "difference: the flag with the higher-ranking mark goes ahead, except that a difference at number "
                "{turned} lets the lower-ranking mark go ahead.",
            ),
            (
                "Sort the words {words}. Give them from the first to the last.",
                "Line up the flags {words} so that whatever goes ahead is named before.",
            ),
        ),
        restate=permuted_letters,
    ),
    "unfold": Wording(
        (
            (
                "In {name:n} notation a number before parentheses says how many copies of what is inside are written, "
                "one right behind the other. Of these copies the {which} and so on are written backwards, the others "
                "as they are. What is inside may hold parentheses of its own; these are unfolded first.",
                "A {name} score abbreviates tunes. Bracketed passages are to be played as often as the digit ahead of "
                "the bracket tells, without pause; play the {which} ... time in reverse and the remaining times "
                "straight. Brackets within brackets are written out before the outer ones.",
            ),
            ("What does {text:s} unfold to?", "Write out the whole of {text}."),
            ("What {text:s} unfolds to.", "The whole of {text} written out."),
        ),
        restate=permuted_letters,
    ),
    "editor": Wording(
        (
            (
                "The {name:n} editor changes a string of letters by commands, each applied to what the one before has "
                "left. Places are counted from the left, from 1. What a command puts in is not looked at again by the "
                "same command.",
                "A {name} gardener tends a hedge of plants in stages, number 1 being the leftmost plant at every "
                "stage. Plants that enter during a stage are ignored for the remainder of it.",
            ),
            ("Write every {a:w} twice.", "Double all {a} plants where they grow."),
            (
                "Drop the letters in the places 3, 6, 9 and so on.",
                "Uproot plants number 3, 6, 9 etc. (all multiples of three).",
            ),
            (
                "Exchange the halves; a letter in the middle belongs to the right half.",
                "Cut the hedge midway, counting any middle plant to the second part, and put that part ahead.",
            ),
            ("Exchange the first and the last letter.", "Swap both outermost plants."),
            ("Put {b:w} behind every {a:w}.", "To the right of all {a} plants, set one {b}."),
            ("Write the first {k:d} letters backwards.", "Reverse the {k} leftmost plants."),
            (
                "Move every {a:w} to the front, all others as they were.",
                "Gather all {a} plants at the left end and leave the rest in sequence.",
            ),
            ("What does the editor make of {text:w}?", "Tended like that, how does the hedge {text} end up?"),
            ("The string after command {n:d}.", "The hedge after stage {n}."),
        ),
        restate=permuted_letters,
    ),
}
