"""How the twins of the families in ``logic`` and ``logic_statutes`` are worded."""

from assay.benchmarks.korgen.surface import Wording

WORDINGS = {
    "values": Wording(
        (
            (
                "In {name:n} logic a statement has one of {many:d} values, in this order: {values}.",
                "Whatever is said among the {name} sages is rated. Their {many} ratings, ranked: {values}.",
            ),
            (
                "{turn:s}p has the value that comes next in this order after the value of p; after {last:w} comes "
                "{first:w}. It applies only to what stands right behind it: x, y, a value, a parenthesis, or another "
                "{turn:s} with what that one applies to.",
                "Putting {turn} before p shifts the rating of p one rank onward, and from {last} round to {first}. "
                "Its reach ends with the single item it touches, be that x, y, a rating, something in brackets, or "
                "again {turn} including the reach of the latter.",
            ),
            ("p {sign:s} q has the earlier of the values of p and q.",
             "p {sign} q is rated as p or q, whichever rating is listed sooner."),
            ("p {sign:s} q has the later of the values of p and q.",
             "p {sign} q is rated as p or q, whichever rating is listed later."),
            (
                "p {sign:s} q has the value of q where p is {value:w}, else the value of p.",
                "p {sign} q is rated like p, unless p is rated {value}; in that case it is rated like q.",
            ),
            ("For {sign:s} there is a table:", "Pairs joined by {sign} are rated by a list."),
            (
                "A value that is written in a formula stands for a statement with this value.",
                "Ratings may themselves occur within expressions and then rate as what they are.",
            ),
            (
                "Let y be {fixed:w}. Which values does {text} have for x = {list}? Give the {many:d} values in this "
                "order.",
                "Fix y at {fixed}. Rate {text} once with each choice of x, namely x = {list}; write all {many} "
                "ratings down accordingly.",
            ),
        ),
    ),
    "ledger": Wording(
        (
            (
                "A {name:n} ledger is about seals, each of which is either up or down. Its entries are read once, "
                "from the first to the last. An entry acts if its condition holds at the moment when it is read; to "
                "raise a seal puts it up, to lower a seal puts it down, whatever it was before, and to turn a seal "
                "over puts it up if it was down, and down if it was up.",
                "On the {name} panel every lever stands either up or down. Somebody goes through a list of notes "
                "exactly once, top to bottom, and follows a note whenever its premise is true just then. Lifting "
                "leaves the lever up and pressing leaves it down regardless of its former position, while flipping "
                "reverses its position.",
            ),
            (
                "Right after each entry that acts, the seal {sentinel:w} is turned over as well, though no entry says "
                "so. Other entries do nothing to {sentinel:w}.",
                "One lever, {sentinel}, also flips by itself whenever a note has just been followed, without being "
                "told; notes that are passed over leave {sentinel} alone.",
            ),
            (
                "Right after each entry that does not act, the seal {sentinel:w} is turned over as well, though no "
                "entry says so. Other entries do nothing to {sentinel:w}.",
                "One lever, {sentinel}, also flips by itself whenever a note has just been passed over, without being "
                "told; notes that are followed leave {sentinel} alone.",
            ),
            (
                "The seals are {all}. At first {start} is up, the rest down. The ledger reads:",
                "Levers: {all}. To begin with, only {start} stands up. Here are the notes:",
            ),
            (
                "The seals are {all}. At first {start} are up, the rest down. The ledger reads:",
                "Levers: {all}. To begin with, just these stand up: {start}. Here are the notes:",
            ),
            ("{n:d}. If {tests}, raise {seal:w}.", "{n}. Lift {seal}, provided that {tests}."),
            ("{n:d}. If {tests}, lower {seal:w}.", "{n}. Press {seal}, provided that {tests}."),
            ("{n:d}. If {tests}, turn over {seal:w}.", "{n}. Flip {seal}, provided that {tests}."),
            ("Which seals are up at the end?", "Name every lever standing up once all notes are done."),
            ("The seals that are up after entry {n:d}.", "The levers up once note {n} is done."),
        ),
    ),
    "speakers": Wording(
        (
            ("Everyone in {name:n} is of exactly one clan: {clans}.", "All inhabitants of {name} belong to one tribe "
             "each, being {clans}."),
            (
                "Everyone who speaks makes two statements, and ",
                "Speakers always utter a pair of sentences, and it is known of them: ",
            ),
            ("both statements of a {clan:w} are true", "a {clan} never errs"),
            ("both statements of a {clan:w} are false", "a {clan} always errs"),
            (
                "the first statement of a {clan:w} is true and the second false",
                "a {clan} errs in the later sentence only",
            ),
            (
                "the first statement of a {clan:w} is false and the second true",
                "a {clan} errs in the earlier sentence only",
            ),
            ("It may be that nobody present is of some clan.", "Tribes may well lack members here."),
            ("{people} meet, and nobody else. They say:", "Overheard at a gathering of just {people}:"),
            ("{a:w} and {b:w} are of the same clan.", "The tribe of {a} is that of {b}."),
            ("{a:w} and {b:w} are of different clans.", "The tribe of {a} is not that of {b}."),
            ("The number of {clan:w}s among us is {n:d}.", "Counting each {clan} here gives {n}."),
            (
                "There is just one possibility for the clans of all of them. Give the clans of {people}, in this "
                "order.",
                "All tribes can be told from this with certainty. State them for {people}, respectively.",
            ),
        ),
    ),
    "relations": Wording(
        (
            (
                "In the house of {name:n}, any member is exactly one of the following to any member (to oneself as "
                "well): {names}.",
                "Between every two fellows of the {name} lodge, and between each fellow and himself, a single one of "
                "these bonds obtains: {names}.",
            ),
            (
                "The line 'R then S: T' means: if x is R to y and y is S to z, then x is T to z.",
                "Bonds add up: where the list has 'R then S: T', a bond R from x towards y followed by a bond S from "
                "y towards z makes T the bond from x towards z.",
            ),
            ("The other way round: ", "Seen from the other side: "),
            ("if x is {a:w} to y, y is {b:w} to x", "{a} from x towards y makes {b} from y towards x"),
            ("What is {first:w} to {last:w}?", "Find the bond from {first} towards {last}."),
            ("{a:w} is {bond:w} to {b:w}.", "From {a} towards {b} the bond is {bond}."),
        ),
        shuffle=(r"  \w+ then ",),
    ),
    "statutes": Wording(
        (
            (
                "The statutes of {name:n} say which offices are open and which are shut. Offices are settled one "
                "after the other, in the order given. For each of them, all articles that end with this office and "
                "whose conditions hold are looked at. Where they disagree, the one with the {end:w} number prevails. "
                "An office about which no article says anything by then is {state:w}.",
                "By {name} custom a gate may be open or shut. Gates are judged singly along a fixed sequence. Judging "
                "one, gather the maxims that conclude something about it and have true premises; if these conflict, "
                "trust the {end} number. Failing any such maxim, the gate counts as {state}.",
            ),
            (
                "It is known that {facts}. The other offices are settled in the order {order}. The articles:",
                "Granted: {facts}. Judge the remaining gates along the sequence {order}. These are the maxims.",
            ),
            ("{n:d}. If {tests}, then {office:w} is {state:w}.", "{n}. Take {office} for {state} when {tests}."),
            (
                "Which of the offices that had to be settled are open?",
                "Among the gates to be judged, name those found open.",
            ),
            ("Is {office:w} open?", "Is the gate {office} found open?"),
        ),
    ),
}  # fmt: skip
