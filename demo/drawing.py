"""Vector shapes and text that move, as a script for libass: what the demo clips are drawn with."""

from dataclasses import dataclass, field

WIDTH, HEIGHT = 270, 480

HEADER = f"""[Script Info]
ScriptType: v4.00+
PlayResX: {WIDTH}
PlayResY: {HEIGHT}
WrapStyle: 0

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, OutlineColour, BackColour, Bold, Outline, Shadow, \
Alignment, MarginL, MarginR, MarginV
Style: Shape,DejaVu Sans,20,&H00FFFFFF,&H00000000,&H00000000,0,0,0,5,0,0,0
Style: Title,DejaVu Sans,30,&H00FFFFFF,&H30000000,&H80000000,-1,2,1,2,12,12,56
Style: Badge,DejaVu Sans Mono,17,&H00181818,&H00000000,&H00000000,-1,0,0,5,0,0,0
Style: Foot,DejaVu Sans,12,&H20FFFFFF,&H60000000,&H80000000,0,1,0,2,12,12,22

[Events]
Format: Layer, Start, End, Style, MarginL, MarginR, MarginV, Text
"""


@dataclass(frozen=True)
class Panel:
    """A part of the picture that shows one thing, and nothing of it outside."""

    x: float
    y: float
    width: float
    height: float

    @property
    def clip(self) -> str:
        """The tag that cuts off what is drawn outside of the panel."""
        return rf"\clip({self.x:g},{self.y:g},{self.x + self.width:g},{self.y + self.height:g})"

    def locate(self, x_share: float, y_share: float) -> tuple[float, float]:
        """The point at these shares of the panel's width and height."""
        return self.x + self.width * x_share, self.y + self.height * y_share


@dataclass
class Picture:
    """The lines of one clip's script; what is added later is drawn above."""

    start_ms: int
    end_ms: int
    lines: list[str] = field(default_factory=list)

    def add(self, style: str, text: str) -> None:
        """The text, with its tags, is drawn from `start_ms` to `end_ms`, above all that was added before."""
        times = f"{to_ass_time(self.start_ms)},{to_ass_time(self.end_ms)}"
        self.lines.append(f"Dialogue: {len(self.lines)},{times},{style},0,0,0,{text}")

    def shape(self, path: str, color: str, tags: str, *, opacity: float = 1.0) -> None:
        """A path is drawn with its middle where the tags place it."""
        alpha = round(255 * (1 - opacity))
        self.add("Shape", rf"{{\1c{to_ass_color(color)}\1a&H{alpha:02X}&{tags}\p1}}{path}")

    def render(self) -> str:
        """The whole script."""
        return HEADER + "\n".join(self.lines) + "\n"


def to_ass_time(milliseconds: int) -> str:
    """The time as libass reads it: `H:MM:SS.cc`, for clips shorter than a minute."""
    return f"0:00:{milliseconds / 1000:05.2f}"


def to_ass_color(color: str) -> str:
    """`#rrggbb` as libass reads it: blue first."""
    return f"&H{color[5:7]}{color[3:5]}{color[1:3]}&"


def place(point: tuple[float, float]) -> str:
    """The tag that puts a shape's middle at the point."""
    return rf"\pos({point[0]:g},{point[1]:g})"


def move(start: tuple[float, float], end: tuple[float, float]) -> str:
    """The tag that moves a shape's middle from one point to the other while it is shown."""
    return rf"\move({start[0]:g},{start[1]:g},{end[0]:g},{end[1]:g})"


def sway(tag: str, first: float, second: float, period_ms: int, total_ms: int) -> str:
    """Tags that let a value such as `frz` swing between two numbers for the whole time, starting at the first."""
    steps = range(0, total_ms, period_ms)
    swings = (rf"\t({t},{t + period_ms},\{tag}{first if i % 2 else second:g})" for i, t in enumerate(steps))
    return rf"\{tag}{first:g}" + "".join(swings)


def rectangle(width: float, height: float) -> str:
    """The path of a rectangle."""
    return f"m 0 0 l {width:g} 0 {width:g} {height:g} 0 {height:g}"


def polygon(*points: tuple[float, float]) -> str:
    """The path through the points."""
    (x, y), *rest = points
    return f"m {x:g} {y:g} l " + " ".join(f"{x:g} {y:g}" for x, y in rest)


def ellipse(width: float, height: float) -> str:
    """The path of an ellipse: four cubic arcs."""
    rx, ry = width / 2, height / 2
    kx, ky = rx * 0.5523, ry * 0.5523  # the control points that bring a cubic closest to a quarter circle
    return (
        f"m {rx:g} 0 b {rx + kx:g} 0 {width:g} {ry - ky:g} {width:g} {ry:g} "
        f"b {width:g} {ry + ky:g} {rx + kx:g} {height:g} {rx:g} {height:g} "
        f"b {rx - kx:g} {height:g} 0 {ry + ky:g} 0 {ry:g} b 0 {ry - ky:g} {rx - kx:g} 0 {rx:g} 0"
    )


def dome(width: float, height: float) -> str:
    """The path of half an ellipse that stands on its flat side."""
    rx = width / 2
    kx, ky = rx * 0.5523, height * 0.5523
    return (
        f"m 0 {height:g} b 0 {height - ky:g} {rx - kx:g} 0 {rx:g} 0 "
        f"b {rx + kx:g} 0 {width:g} {height - ky:g} {width:g} {height:g}"
    )


def ribbon(length: float, width: float) -> str:
    """The path of a hanging ribbon with one gentle wave in it."""
    upper, lower = length * 0.3, length * 0.65
    return (
        f"m 0 0 b {width * 1.5:g} {upper:g} {-width * 1.5:g} {lower:g} 0 {length:g} l {width:g} {length:g} "
        f"b {-width * 0.5:g} {lower:g} {width * 2.5:g} {upper:g} {width:g} 0"
    )


def pill(width: float, height: float) -> str:
    """The path of a rectangle with round ends."""
    r = height / 2
    k = r * 0.5523
    return (
        f"m {r:g} 0 l {width - r:g} 0 b {width - r + k:g} 0 {width:g} {r - k:g} {width:g} {r:g} "
        f"b {width:g} {r + k:g} {width - r + k:g} {height:g} {width - r:g} {height:g} l {r:g} {height:g} "
        f"b {r - k:g} {height:g} 0 {r + k:g} 0 {r:g} b 0 {r - k:g} {r - k:g} 0 {r:g} 0"
    )


def spread(index: int, salt: float) -> float:
    """A number in [0, 1): those of neighbouring indexes lie far apart, and the same arguments give the same one."""
    golden_ratio = 0.618034
    return (index * golden_ratio + salt * 0.377) % 1
