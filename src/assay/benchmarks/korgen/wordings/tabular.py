"""How the twins of the families in ``tabular`` and ``tabular_carpet`` are worded."""

from assay.benchmarks.korgen.surface import Wording, permuted_cells, permuted_letters

WORDINGS = {
    "sieve": Wording(
        (
            (
                "A {name:n} sieve carries out orders on a table, one after the other, each on what the one before has "
                "left. Rows that are not kept are gone. To sort puts the rows with smaller numbers higher; rows with "
                "equal numbers keep their order. Where several rows have the most, the highest of them is dropped. To "
                "add changes the first column in every row and leaves the second as it is.",
                "Clerks of the {name} office edit a list entry by entry through instructions, always continuing from "
                "the latest version. Entries can be struck for good. Arranging brings lower figures to the top "
                "without disturbing ties. If the top figure is shared, strike the upmost holder. Crediting alters "
                "just the field that is credited.",
            ),
            ("The table, with the columns name, {columns}:", "Fields of each entry are who, {columns}."),
            ("The orders:", "Instructions:"),
            (
                "Keep only the rows with more than {limit:d} under {column:w}.",
                "Strike whoever has no {column} figure above {limit}.",
            ),
            (
                "Keep only the rows with less under {a:w} than under {b:w}.",
                "Strike whoever has no {a} figure below the {b} figure.",
            ),
            ("Sort by {column:w}.", "Arrange along {column}."),
            ("Turn the table upside down.", "Reverse the list."),
            ("Add to {a:w} what stands under {b:w}.", "Credit {a} by the figure of {b}."),
            ("Drop the row with the most under {column:w}.", "Strike the top figure of {column}."),
            (
                "Which names are left? Give them from the highest row to the lowest.",
                "State who has not been struck, reading the list downwards.",
            ),
            ("The names from top to bottom after order {n:d}.", "The list downwards after instruction {n}."),
        ),
    ),
    "tally": Wording(
        (
            (
                "A {name:n} account lists entries: an owner, a kind, an amount. What an entry counts depends on its "
                "kind:",
                "Catches of {name} anglers are noted as angler, fish, size. The points for a catch follow from the "
                "fish:",
            ),
            ("{kind:w}: the amount counts as it is.", "{kind}: points equal to size."),
            ("{kind:w}: the amount counts twice.", "{kind}: double the size in points."),
            ("{kind:w}: the amount is taken off.", "{kind}: minus the size in points."),
            (
                "{kind:w}: what goes beyond {limit:d} counts, nothing below.",
                "{kind}: points for the excess of size over {limit}, if any.",
            ),
            (
                "{kind:w}: an odd amount counts {flat:d}, an even amount nothing.",
                "{kind}: {flat} points for odd sizes, zero for even ones.",
            ),
            (
                "The total of an owner is the sum of what the owner's entries count, and may be negative.",
                "An angler's score adds up all points of that angler; it can drop below zero.",
            ),
            ("The entries:", "Notes:"),
            ("What are the totals of {owners}, in this order?", "Compute the scores, one for each of {owners}."),
            ("The total of {owner:w}.", "The score of {owner}."),
        ),
        shuffle=(r"  \w+: ", r"  \w+ \| \w+ \| "),
    ),
    "links": Wording(
        (
            (
                "A {name:n} archive has registers, each marked with a sign. To look a name up in a register means to "
                "pass from it to the name behind its arrow; to look it up backwards means to pass from a name behind "
                "an arrow to the name before it, and is marked by '-back'. Whenever a look-up leads to {watched:w}, "
                "one goes on with {instead:w} in its place, also at the very end.",
                "Between the stops of {name} run coach lines, known by their signs. Riding a line takes you from a "
                "stop to whatever its timetable shows after '>'; with '-back' added you ride it contrariwise, from "
                "what is shown after '>' to what precedes it. Coaches that should arrive in {watched} are always "
                "diverted to {instead}, final arrivals not excepted.",
            ),
            ("Register {sign:s}:", "Timetable {sign}:"),
            (
                "Begin with {start:w} and look up, one after the other: {path}. Which name comes out?",
                "Board at {start} and ride {path}. Name your stop of arrival.",
            ),
            ("The name after look-up {n:d}.", "The stop after ride {n}."),
        ),
        shuffle=(r"  \w+ > \w+",),
    ),
    "sheet": Wording(
        (
            (
                "A {name:n} sheet has cells that hold a number or a formula about other cells. It shows whole numbers "
                "from 0 to {top:d} only: where a formula gives more, {size:d} is taken off until the result is in "
                "this range; where it gives less than 0, {size:d} is added until it is. Other formulas use the number "
                "that is shown.",
                "Gauges in a {name} plant have fixed readings or readings computed from further gauges. Readings "
                "never leave the span 0 to {top}: an excess is repeatedly lowered by {size} and a shortfall "
                "repeatedly raised by {size} till the span is met, and it is such adjusted readings that enter "
                "further computations.",
            ),
            ("The cells:", "Gauges:"),
            ("{cell:w} = {a:w} plus {b:w}\n", "{cell} = {a} added to {b}\n"),
            ("{cell:w} = {a:w} minus {b:w}\n", "{cell} = {b} subtracted from {a}\n"),
            ("{cell:w} = twice {a:w} plus {b:w}\n", "{cell} = {a} doubled and {b}\n"),
            ("{cell:w} = the larger of {a:w} and {b:w}\n", "{cell} = whichever is higher, {a} or {b}\n"),
            ("{cell:w} = {a:w} times {b:w}\n", "{cell} = {a} multiplied with {b}\n"),
            ("Which number does {cell:w} show?", "Determine the reading of {cell}."),
            ("The value of {cell:w}.", "The reading of {cell}."),
        ),
        shuffle=(r"  [A-Z]\d = ",),
        restate=permuted_cells,
    ),
    "carpet": Wording(
        (
            (
                "A {name:n} carpet is a pattern of letters in rows and columns. Rows are counted from the top, "
                "columns from the left. Orders are carried out one after the other, each on the carpet as the one "
                "before has left it.",
                "The {name} mosaic consists of lettered stones laid as lines (line 1 uppermost) and files (file 1 at "
                "the left). A craftsman relays it in stages, continuing from the latest state.",
            ),
            ("The carpet:", "Original mosaic:"),
            ("The orders:", "Stages:"),
            ("Turn the carpet a quarter clockwise.", "Rotate everything by 90 degrees to the right."),
            (
                "Make rows of the columns: the first column becomes the first row, and so on.",
                "Flip along the diagonal, file 1 turning into line 1, file 2 into line 2, etc.",
            ),
            ("Mirror every row.", "Reverse each line."),
            ("Exchange rows {a:d} and {b:d}.", "Let lines {a} and {b} trade positions."),
            ("Move the leftmost column to the right edge.", "Put file 1 behind all others."),
            ("Move column {c:d} to the right edge.", "Put file no. {c} behind all others."),
            ("What does it look like then?", "Write down the final mosaic."),
            ("The carpet after order {n:d}.", "The mosaic after stage {n}."),
        ),
        restate=permuted_letters,
    ),
}
