"""How the twins of the families in ``tracking`` and ``tracking_boxes`` are worded."""

from assay.benchmarks.korgen.surface import Wording

WORDINGS = {
    "parcels": Wording(
        (
            (
                "At a {name:n} market people stand in a circle, each holding one thing. Two who swap exchange what "
                "they hold. When the gong sounds, everybody hands on what they hold to the one who comes next in the "
                "circle, all at the same moment; behind the last comes the first. When a thing is called to somebody, "
                "its holder and this person exchange what they hold; nothing happens if they are the same.",
                "Dancers of the {name} school form a ring and carry a prop apiece. A trade between a couple of "
                "dancers makes their props change over. On a clap, all props wander simultaneously to the following "
                "dancer of the ring, from the final dancer to the leading one. A dancer who fetches a prop trades "
                "with whoever carries it, unless they carry it anyway.",
            ),
            (
                "In the circle stand {people}, in this order. ",
                "The ring, dancer by dancer: {people}, and so round; ",
            ),
            (". Then:", ". What follows:"),
            ("{who:w} holds the {thing:w}", "with {who} is the {thing}"),
            ("{n:d}. {a:w} and {b:w} swap.", "{n}. Trade between {a} and {b}."),
            ("{n:d}. The gong sounds.", "{n}. A clap."),
            ("{n:d}. The {thing:w} is called to {who:w}.", "{n}. {who} fetches the {thing}."),
            (
                "What do {people} hold at the end, in this order?",
                "List the props finally carried, going through {people}.",
            ),
            ("What everybody holds after event {n:d}.", "The props of all dancers after item {n}."),
        ),
    ),
    "crawler": Wording(
        (
            (
                "A {name:n} crawler lives on a floor of {size:d} rows and {size:d} columns of tiles. Row 1 is the "
                "northernmost, column 1 the westernmost. It always looks north, east, south or west. {right:s} makes "
                "it turn a quarter to the right, {left:s} a quarter to the left, both on the spot. {ahead:s} makes it "
                "step to the next tile in the direction in which it looks; where the floor ends there, it stays and "
                "turns a quarter to the {wall:w} instead. A crawler that has stepped on a slippery tile turns about.",
                "The {name} ferry serves a square lake of {size} by {size} buoys, row numbers growing southward and "
                "column numbers growing eastward from 1. Its bow points to a cardinal direction. The helmsman rotates "
                "it by 90 degrees without moving, rightward on {right} and leftward on {left}. On {ahead} he sails to "
                "the adjacent buoy before the bow; lacking one, he remains and rotates the bow by 90 degrees "
                "{wall}ward. Arriving at a buoy with a whirl swings the bow round by 180 degrees.",
            ),
            (
                "Slippery: {tiles}. The crawler is at row {r:d} column {c:d} and looks {way:w}. It gets the commands "
                "{program}. Give its row, its column and where it looks at the end, in this order.",
                "Whirls at {tiles}. Position of the ferry: row {r} column {c}, bow {way}. Signals in sequence: "
                "{program}. Report the final row, the final column, the final direction of the bow.",
            ),
            ("Row, column and heading after command {n:d}.", "Row, column and bow after signal {n}."),
        ),
    ),
    "queue": Wording(
        (
            (
                "In {name:n} people queue before a counter. When the bell rings once, the first in the queue goes to "
                "its end; when it rings twice, the last comes to its front. Who gives way changes places with the one "
                "right behind. Who joins behind somebody stands right behind this person. When the counter moves to "
                "the other end, the first becomes the last, the second the last but one, and so on. Who leaves leaves "
                "no gap.",
                "The {name} train is a chain of carriages. A short whistle sends its leading carriage to the tail, a "
                "long whistle brings its tail carriage to the lead. A carriage that yields lets its immediate "
                "follower overtake it. A carriage hooked on after a certain carriage becomes the immediate follower "
                "of that one. When the engine runs round, the chain is reversed throughout. Gaps left by dropped "
                "carriages close.",
            ),
            (
                "The queue, from the first on, is {people}. Then:",
                "Leading carriage first, the chain is {people}. Next:",
            ),
            ("{n:d}. The bell rings once.", "{n}. Short whistle."),
            ("{n:d}. The bell rings twice.", "{n}. Long whistle."),
            ("{n:d}. {a:w} gives way.", "{n}. Yielding: {a}."),
            ("{n:d}. {a:w} joins behind {b:w}.", "{n}. After {b}, hook on {a}."),
            ("{n:d}. The counter moves.", "{n}. The engine runs round."),
            ("{n:d}. {a:w} leaves.", "{n}. Drop {a}."),
            (
                "Who is in the queue at the end? Name them from the first on.",
                "Write out the resulting chain beginning with its lead.",
            ),
            ("The queue after event {n:d}.", "The chain after item {n}."),
        ),
    ),
    "jugs": Wording(
        (
            (
                "{name:n} jugs hold whole cups. A jug is poured into another one until the first is empty or the "
                "second is full, whichever comes first. A jug that is full after something was poured into it loses "
                "{leak:d} cups at once. A jug that is halved is emptied of half its cups; of an odd number, the "
                "larger half goes.",
                "In {name} halls guests move about in groups, never split into fractions. When one hall is sent over "
                "to a second one, its guests keep walking across while any are left and while space remains. Should "
                "the receiving hall be packed thereafter, {leak} of its guests go home immediately. When a hall is "
                "thinned, every other guest goes home, rounded in favour of going.",
            ),
            ("In cups: ", "Guests: "),
            (". Then:", ". Next:"),
            ("{jug:w} has room for {most:d} and holds {now:d}", "hall {jug}, {now} present, packed with {most}"),
            ("{n:d}. {a:w} is halved.", "{n}. Thin {a}."),
            ("{n:d}. {a:w} is poured into {b:w}.", "{n}. Send {a} over to {b}."),
            (
                "How many cups do {jugs} hold at the end, in this order?",
                "Count the guests finally present, hall by hall: {jugs}.",
            ),
            ("The cups in all jugs after event {n:d}.", "The guests in all halls after item {n}."),
        ),
    ),
    "boxes": Wording(
        (
            (
                "{name:n} boxes lie in one another or on the floor. A box that is put somewhere takes along all that "
                "is in it. When a box is tipped out, the boxes that lie directly in it come to where it lies itself, "
                "with all that is in them; the box stays where it is.",
                "The {name} guild has offices, some subordinate to a superior office, others independent. Reassigning "
                "an office carries its whole staff of subordinates along. Relieving an office hands its immediate "
                "subordinates, staffs included, to its own superior, or makes them independent if it has none; its "
                "own position is untouched.",
            ),
            ("At first ", "To begin with: "),
            (". Then:", ". Next:"),
            ("{box:w} is in {outer:w}", "over {box} stands {outer}"),
            ("{box:w} is on the floor", "{box} stands alone"),
            ("{n:d}. {a:w} is put into {b:w}.", "{n}. Reassign {a} to {b}."),
            ("{n:d}. {a:w} is tipped out.", "{n}. Relieve {a}."),
            ("{n:d}. {a:w} is set on the floor.", "{n}. Make {a} independent."),
            (
                "Which boxes are inside {box:w} at the end, directly or within others?",
                "Name all offices finally below {box}, at whatever depth.",
            ),
            (
                "Where every box lies directly after event {n:d}.",
                "The immediate superior of every office after item {n}.",
            ),
        ),
    ),
}
