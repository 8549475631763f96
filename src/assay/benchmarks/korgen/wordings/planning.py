"""How the twins of the families in ``planning`` and ``planning_stacks`` are worded."""

from assay.benchmarks.korgen.surface import Wording, permuted_letters

WORDINGS = {
    "dial": Wording(
        (
            (
                "A {name:n} lock has a dial with the numbers 0 to {top:d} in a circle; clockwise behind {top:d} "
                "stands 0 again. Pressing a button moves its pointer:",
                "Round the {name} pond lie stones numbered from 0 up to {top}, where going on beyond {top} leads back "
                "to 0. A frog sits on one of them and knows several jumps, each with a letter.",
            ),
            ("{b:w}: it goes {k:d} numbers clockwise.", "{b}: forward over {k} stones."),
            ("{b:w}: it goes {k:d} numbers counter-clockwise.", "{b}: backward over {k} stones."),
            (
                "{b:w}: it goes clockwise by as many numbers as the number where it stands.",
                "{b}: forward over just the count of stones that is written on its present stone.",
            ),
            (
                "{b:w}: from an odd number it goes {add:d} clockwise, from an even number it goes counter-clockwise "
                "by twice that number.",
                "{b}: off an odd stone, forward over {add}; off an even stone, backward over double what is written "
                "on it.",
            ),
            (
                "The pointer stands at {start:d} and shall be brought to {goal:d} with as few presses as possible. "
                "There is just one shortest way. Give its buttons in the order in which they are pressed, as a string "
                "of letters.",
                "From stone {start} the frog wants to get onto stone {goal} in the least possible count of jumps, "
                "which a single series achieves. Write down the letters of that series without gaps.",
            ),
        ),
        shuffle=(r"  [A-Z]: ",),
        restate=permuted_letters,
    ),
    "works": Wording(
        (
            (
                "A {name:n} crew has hands enough to do any number of jobs at once. A job is begun on the morning "
                "after the evening on which the last of the jobs that it waits for is finished; one that waits for "
                "none is begun on the morning of day 1. A job of 1 day is finished on the evening of the day on which "
                "it is begun. A job that waits for {many:d} or more others takes {extra:d} days longer than the list "
                "says.",
                "Seeds of the {name} garden sprout in beds side by side, without limit. A bed is sown at dawn of the "
                "first day, or, if it needs other beds, at dawn of the day following the dusk when all of those are "
                "ripe. Were a bed to need a single day, it would be ripe at dusk of the day of sowing. Beds needing "
                "{many} other beds or more ripen {extra} days later than noted.",
            ),
            ("The list of jobs:", "Notes of the gardener:"),
            (
                "- {job:w}: {days:d} days, waits for {others}.",
                "- {days} days to ripen for {job}, which needs {others}.",
            ),
            ("- {job:w}: {days:d} days.", "- {days} days to ripen for {job}."),
            ("On the evening of which day is everything done?", "Number the day at whose dusk all beds are ripe."),
            ("The day on whose evening {job:w} is finished.", "The day at whose dusk {job} is ripe."),
        ),
        shuffle=(r"- ",),
    ),
    "caravan": Wording(
        (
            (
                "A {name:n} caravan goes from town to town; each road may be used in both directions. The first stage "
                "of a journey, the third, the fifth and so on cost 1 coin for each mile. On the second, the fourth "
                "and so on the beasts are tired: each mile costs {tired:d} coins, and {add:d} coins come on top.",
                "Letters of the {name} post travel between offices along lines that work both ways. The fee of a line "
                "is its length in pennies whenever it is an odd-numbered line of the route. On even-numbered lines of "
                "the route a sleepier clerk charges {tired} pennies per unit of length and {add} pennies extra.",
            ),
            ("The roads:", "Lines and their lengths:"),
            ("- {a:w} and {b:w}: {miles:d} miles.", "- length {miles} from {a} to {b} and back"),
            (
                "There is just one cheapest journey from {start:w} to {goal:w}. Name the towns on it in order, "
                "{start:w} and {goal:w} included.",
                "A letter posted at {start} for {goal} has a single route of lowest fee. Write this route as the "
                "sequence of offices, both {start} and {goal} among them.",
            ),
        ),
        shuffle=(r"- ",),
    ),
    "cargo": Wording(
        (
            (
                "A {name:n} cart carries chests whose weights come to no more than its limit. Some chests quarrel: "
                "two that do may not be on the cart together. Some chests belong together: if both are on the cart, "
                "the load is worth more by the number given.",
                "A {name} host invites singers whose fees must not exceed the purse. Certain couples of singers "
                "refuse to appear jointly. Other couples make a duet, and inviting both earns the stated applause on "
                "top of their own.",
            ),
            ("The limit is {limit:d}. The chests:", "In the purse: {limit}. These can be invited:"),
            ("- {chest:w}: weight {weight:d}, value {value:d}.", "- {chest}, applause {value} for a fee of {weight}"),
            ("- {a:w} and {b:w} quarrel.", "- {a} refuses {b}"),
            ("- {a:w} and {b:w} belong together: {more:d} more.", "- duet of {a} with {b}, applause {more}"),
            (
                "There is just one load of the highest worth. Which chests are in it?",
                "A single choice yields the greatest applause. Name the singers of that choice.",
            ),
        ),
        shuffle=(r"- ",),
    ),
    "stacks": Wording(
        (
            (
                "In a {name:n} yard numbered crates stand one upon the other at three posts. In one move, the topmost "
                "crate of a post is taken to another post and set upon the topmost crate there, or on the ground if "
                "there is none. A crate may be set upon a crate only if the lower one {text}. How the crates stand at "
                "first may break this; what stands is left alone.",
                "Numbered wagons of the {name} railway wait on three dead-end tracks. A shunt pulls the wagon nearest "
                "the open end off its track and pushes it onto a different track, where it becomes the one nearest "
                "the open end. Coupling to a wagon already on that track is permitted only if the latter {text}. "
                "Initial couplings need not respect that and are not questioned.",
            ),
            (
                "At first, from the ground up: {start}. Wanted: {goal}. With the smallest number of moves, there is no "
                "choice which crate is moved each time. Give the numbers of the crates in the order in which they are "
                "moved.",
                "Tracks now, buffer end leading: {start}. Tracks as desired: {goal}. The least count of shunts settles "
                "the wagon shunted at every turn. List these wagons by turn.",
            ),
        ),
    ),
}
