"""How the twins of the families in ``operation`` and ``operation_rows`` are worded."""

from assay.benchmarks.korgen.surface import Wording, permuted_letters, permuted_members, permuted_sets

WORDINGS = {
    "infix": Wording(
        (
            (
                "{name:n} arithmetic has the following operators on whole numbers, where 2a means 2 times a and |x| "
                "is the absolute value of x:",
                "Signs of the {name} kind take two integers and yield a third. Writing 2a doubles a; bars as in |x| "
                "drop the sign of x.",
            ),
            ("  a {sign:s} b = ", "  what a {sign} b yields: "),
            ("(the larger of a and b)", "max(a, b)"),
            ("(the smaller of a and b)", "min(a, b)"),
            ("the remainder of {term} on division by {m:d}", "the rest that {term} leaves modulo {m}"),
            (
                "The remainder on division by m is always one of 0, 1, ..., m - 1, also for negative numbers; for "
                "instance, -3 divided by 7 leaves 4.",
                "Rests modulo m lie between 0 and m - 1 even below zero: modulo 7, the rest of -3 equals 4.",
            ),
            (
                "Parentheses come first. Without them the operators bind in this order, the strongest first: {list}. "
                "Where one operator follows itself: ",
                "Brackets decide where they stand. Elsewhere a sign grabs its neighbours before any sign that is "
                "listed after it: {list}. Chains of equal signs group thus: ",
            ),
            ("c means ", "c stands for "),
            ("What is {text} in {name:n} arithmetic?", "Which integer do the {name} signs make of {text}?"),
        ),
        shuffle=(r"  a \S b = ",),
    ),
    "tape": Wording(
        (
            (
                "A {name:n} machine holds a row of {places:d} numbers; place 1 is the leftmost. It obeys these "
                "commands:",
                "On the {name} shelf stand {places} counters side by side, the first of them at the left end. Every "
                "sign does something to them:",
            ),
            (
                "A program is carried out from left to right, each command on the row as the one before has left it.",
                "Signs take effect one by one, the left one before the right one, upon whatever the counters read by "
                "then.",
            ),
            ("move the first number to the right end", "carry counter 1 over to the far right"),
            (
                "move the first {k:d} numbers, in the same order, to the right end",
                "carry the {k} counters at the left, unmixed, over to the far right",
            ),
            ("turn the whole row around", "reverse the sequence of all counters"),
            ("exchange the numbers in places {i:d} and {j:d}", "let counters {i} and {j} trade their readings"),
            ("add the number in place {z:d} to the number in place {y:d}",
             "increase counter no. {y} by what counter {z} reads"),
            ("add {c:d} to the number in place {x:d}", "raise by {c} what shows at counter {x}"),
            ("subtract {c:d} from the number in place {x:d}", "lower by {c} what shows at counter {x}"),
            ("change the sign of the number in place {w:d}", "flip plus and minus of counter {w}"),
            (
                "The machine holds {row}. Which row does it hold after the program {program}?",
                "Before anything happens the counters read {row}. Work through {program} and list what they read in "
                "the end.",
            ),
            ("The row after command {n:d}.", "What the counters read after sign {n}."),
        ),
        shuffle=(r"  \S : ",),
    ),
    "roster": Wording(
        (
            (
                "A {name:n} roster is a set of items. There are no items but {items}. Two rosters X and Y are "
                "combined as follows:",
                "Out of the tokens {items}, and no further ones, one may form {name} bags. From bags X and Y a third "
                "one results:",
            ),
            ("  X {sign:s} Y keeps the items that are ", "  into X {sign} Y go tokens lying "),
            ("in X but not in Y", "inside X yet outside Y"),
            ("in Y but not in X", "outside X yet inside Y"),
            ("in both X and Y", "inside X as well as Y"),
            ("in neither", "outside either bag"),
            ("Parentheses are worked out first.", "What stands in brackets takes precedence."),
            (
                "Let {given}. Which items are in {text}?",
                "Suppose {given}. List the tokens which end up within {text}.",
            ),
        ),
        shuffle=(r"  X \S Y keeps",),
        restate=permuted_members,
    ),
    "numerals": Wording(
        (
            (
                "{name:n} numerals are written with the letters {letters}, which stand for 0 to {top:d} in this "
                "order. Every numeral has {many:d} letters. Its first letter from the left is place 1, the next place "
                "2, and so on; ",
                "The marks {letters} are the {name} digits, ascending from 0 up to {top}. Written amounts show {many} "
                "marks each; counting starts at the left, and column by column the limits are: ",
            ),
            ("place {at:d} has size {size:d}", "column {at} limit {size}"),
            (
                "A place of size s holds only values from 0 to s - 1. Two numerals are added place by place, "
                "beginning with place 1: where the values in a place of size s, with the 1 that may have been carried "
                "there, add up to s or more, s is taken away and 1 is carried to the next place. Several numerals are "
                "added one after the other.",
                "Beneath a limit s only digits smaller than s occur. Sums are formed columnwise starting from column "
                "1; whenever digits plus a carry reach the limit s, subtract s once and hand a carry of one over to "
                "the column further right. Longer sums are formed pair after pair.",
            ),
            ("What is {sum}, written as a numeral?", "Work out {sum} and write it in these digits."),
        ),
        restate=permuted_letters,
    ),
    "blend": Wording(
        (
            (
                "{name:n} operators make a row out of two rows of {length:d} numbers. In each place, x is the number "
                "of the row on the left of the operator, y that of the row on its right; places are counted from the "
                "left, from 1. The new row is then turned: its first numbers, as many as are said below, move to its "
                "end in the same order.",
                "Lists of {length} entries are merged by {name} signs. Call x an entry of the list before the sign "
                "and y the entry below it in the list after the sign; entry 1 is the one at the left. Afterwards the "
                "merged list is rotated: a stated count of leading entries gets appended behind the rest, unmixed.",
            ),
            (
                "  {sign:s} : {odd} in odd places, {even} in even places; {turn:d} to the end.",
                "  {sign} takes {odd} for entries 1, 3, 5 ... and {even} for entries 2, 4, 6 ..., then rotates by "
                "{turn}.",
            ),
            ("Parentheses are worked out first.", "What stands in brackets takes precedence."),
            ("Let {given}. Which row is {text}?", "Suppose {given}. Give the list that {text} amounts to."),
        ),
        shuffle=(r"  \S : ",),
        restate=permuted_sets,
    ),
}  # fmt: skip
