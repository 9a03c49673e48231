"""The pictures of the demo clips: a subject, the person who speaks of it, and the words, laid out as the style says."""

from collections.abc import Callable
from dataclasses import dataclass

from demo.drawing import (
    HEIGHT,
    WIDTH,
    Panel,
    Picture,
    dome,
    ellipse,
    move,
    pill,
    place,
    polygon,
    rectangle,
    ribbon,
    spread,
    sway,
)
from demo.videos import Scene, Subject, Video

SEAM_Y, SEAM_HEIGHT = 190, 3
FAST_CUT_MS = 800


@dataclass(frozen=True)
class Person:
    """The colors of the one who speaks in a video."""

    skin: str
    hair: str
    shirt: str


PEOPLE: dict[Subject, Person] = {
    "jellyfish": Person("#c98d68", "#2b1a2f", "#f2c14e"),
    "bread": Person("#f0c09a", "#8c3b1a", "#3a6b5c"),
    "rocket": Person("#8d5a3b", "#17121a", "#e4572e"),
}


def draw_clip(video: Video, scene: Scene, style: str) -> str:
    """The libass script of one clip."""
    picture = Picture(0, scene.duration_milliseconds + 100)  # past the last frame
    end_ms = picture.end_ms
    cut_ms = FAST_CUT_MS if style == "split_fast" else end_ms
    for number, start_ms in enumerate(range(0, end_ms, cut_ms)):
        picture.start_ms, picture.end_ms = start_ms, min(start_ms + cut_ms, end_ms)
        for draw, panel in lay_out(style, number):
            draw(picture, panel, video, scene)
    picture.start_ms = 0
    draw_words(picture, video, scene, style)
    return picture.render()


Draw = Callable[[Picture, Panel, Video, Scene], None]


def lay_out(style: str, cut: int) -> list[tuple[Draw, Panel]]:
    """The subject that the style shows after that many cuts, and where in the picture."""
    whole = Panel(0, 0, WIDTH, HEIGHT)
    match style:
        case "split":
            return _stack(draw_subject, draw_speaker, SEAM_Y)
        case "split_fast":
            return _stack(draw_speaker, draw_subject, SEAM_Y) if cut % 2 else _stack(draw_subject, draw_speaker, SEAM_Y)
        case "intelligent_split":
            return _stack(draw_speaker, draw_subject, 165)
        case "left_focus":
            return [(draw_subject, whole), (draw_person, Panel(-78, 90, WIDTH, HEIGHT - 90))]
        case "right_focus":
            return [(draw_subject, whole), (draw_person, Panel(78, 90, WIDTH, HEIGHT - 90))]
        case _:
            return [(draw_subject, Panel(0, 118, WIDTH, 152))]


def _stack(upper: Draw, lower: Draw, seam_y: float) -> list[tuple[Draw, Panel]]:
    below = seam_y + SEAM_HEIGHT
    return [(upper, Panel(0, 0, WIDTH, seam_y)), (lower, Panel(0, below, WIDTH, HEIGHT - below))]


def draw_subject(picture: Picture, panel: Panel, video: Video, scene: Scene) -> None:
    """The panel shows what the video is about."""
    picture.shape(rectangle(panel.width, panel.height), scene.top_color, place(panel.locate(0.5, 0.5)), opacity=0.6)
    size = panel.width * 0.9
    tags = rf"\blur40{panel.clip}" + place(panel.locate(0.5, 0.62))
    picture.shape(ellipse(size, size * 0.8), scene.bottom_color, tags, opacity=0.8)
    {"jellyfish": draw_jellyfish, "bread": draw_bread, "rocket": draw_rocket}[video.subject](picture, panel, scene)


def draw_jellyfish(picture: Picture, panel: Panel, scene: Scene) -> None:
    """Jellyfish rise through drifting sparks."""
    draw_sparks(picture, panel, scene, drift=-0.12)
    for index in range(3):
        size = (0.34, 0.2, 0.14)[index] * panel.width
        x, y = 0.2 + 0.6 * spread(index, scene.scene_id), 0.62 - 0.2 * index
        _draw_one_jellyfish(picture, panel, scene, size, (x, y))


def _draw_one_jellyfish(picture: Picture, panel: Panel, scene: Scene, size: float, shares: tuple[float, float]) -> None:
    rise = 0.16 * panel.height
    total_ms = picture.end_ms - picture.start_ms

    def travel(x_offset: float, y_offset: float) -> str:
        x, y = panel.locate(*shares)
        return panel.clip + move((x + x_offset, y + y_offset), (x + x_offset, y + y_offset - rise))

    picture.shape(ellipse(size * 1.6, size * 1.6), scene.accent_color, travel(0, 0) + r"\blur22", opacity=0.35)
    for arm in range(-2, 3):
        wave = sway("frz", 7 - 2 * arm, -7 - 2 * arm, 600, total_ms)
        arm_path = ribbon(size, 4)
        picture.shape(arm_path, scene.accent_color, travel(arm * size * 0.17, size * 0.62) + wave, opacity=0.75)
    beat = sway("fscx", 100, 86, 450, total_ms)
    picture.shape(dome(size, size * 0.62), scene.accent_color, travel(0, 0) + beat, opacity=0.92)
    picture.shape(dome(size * 0.6, size * 0.34), "#ffffff", travel(0, -size * 0.06) + beat, opacity=0.5)


def draw_bread(picture: Picture, panel: Panel, scene: Scene) -> None:
    """A loaf rises on its board, and steam rises above it."""
    size = min(panel.width * 0.66, panel.height * 0.95)
    total_ms = picture.end_ms - picture.start_ms
    x, y = panel.x + panel.width / 2, panel.y + size * 0.72
    for index in range(3):
        start = (x + (index - 1) * size * 0.24, y - size * 0.36)
        steam = move(start, (start[0] + 8, start[1] - size * 0.3)) + sway("frz", 12, -12, 500, total_ms) + r"\blur4"
        path = ribbon(size * 0.3, 8)
        picture.shape(path, "#ffffff", panel.clip + steam, opacity=0.55)
    picture.shape(pill(size * 1.24, size * 0.1), "#5a341c", panel.clip + place((x, y + size * 0.26)))
    grow = r"\fscx94\fscy82\t(\fscx102\fscy108)"
    picture.shape(dome(size, size * 0.5), "#a65a22", panel.clip + place((x, y)) + grow)
    picture.shape(dome(size * 0.9, size * 0.4), "#d98e3f", panel.clip + place((x, y - size * 0.02)) + grow)
    for index in range(3):
        cut = place((x + (index - 1) * size * 0.22, y - size * 0.06)) + r"\frz-24"
        picture.shape(ellipse(size * 0.06, size * 0.26), scene.accent_color, panel.clip + cut + grow)


def draw_rocket(picture: Picture, panel: Panel, scene: Scene) -> None:
    """A rocket comes down on its flame, over the curve of a planet."""
    draw_sparks(picture, panel, scene, drift=0.02)
    size = panel.height * 0.46
    total_ms = picture.end_ms - picture.start_ms
    ground = place(panel.locate(0.5, 1.18))
    picture.shape(
        ellipse(panel.width * 1.5, panel.height * 0.7),
        scene.accent_color,
        panel.clip + ground + r"\blur14",
        opacity=0.5,
    )
    picture.shape(ellipse(panel.width * 1.45, panel.height * 0.66), scene.top_color, panel.clip + ground)
    x_share = 0.34 + 0.32 * spread(scene.scene_id, 1)

    def descend(y_offset: float, x_offset: float = 0) -> str:
        (x, top), (_, bottom) = panel.locate(x_share, 0.26), panel.locate(x_share, 0.48)
        return panel.clip + move((x + x_offset, top + y_offset), (x + x_offset, bottom + y_offset))

    flicker = sway("fscy", 70, 120, 120, total_ms)
    picture.shape(
        ellipse(size * 0.3, size * 0.7), scene.accent_color, descend(size * 0.62) + flicker + r"\blur6", opacity=0.9
    )
    picture.shape(ellipse(size * 0.13, size * 0.4), "#ffffff", descend(size * 0.55) + flicker + r"\blur2")
    fins = polygon((0, size * 0.3), (size * 0.16, 0), (size * 0.32, 0), (size * 0.48, size * 0.3))
    picture.shape(fins, "#c8443a", descend(size * 0.24))
    picture.shape(ellipse(size * 0.26, size), "#f4f4f8", descend(-size * 0.1))
    picture.shape(ellipse(size * 0.12, size * 0.12), "#2b59c3", descend(-size * 0.24))


def draw_sparks(picture: Picture, panel: Panel, scene: Scene, *, drift: float) -> None:
    """Small lights drift through the panel, down by `drift` of its height."""
    for index in range(14):
        x, y = spread(index, scene.scene_id), spread(index * 7 + 3, scene.scene_id * 2)
        size = 2 + 3 * spread(index, 0.5)
        tags = panel.clip + move(panel.locate(x, y), panel.locate(x, y + drift)) + r"\blur0.6"
        picture.shape(ellipse(size, size), "#ffffff", tags, opacity=0.4 + 0.5 * spread(index, 2))


def draw_speaker(picture: Picture, panel: Panel, video: Video, scene: Scene) -> None:
    """The panel shows the speaker in their room."""
    picture.shape(rectangle(panel.width, panel.height), scene.bottom_color, place(panel.locate(0.5, 0.5)))
    lamp = place(panel.locate(0.82, 0.2)) + r"\blur30" + panel.clip
    picture.shape(ellipse(panel.width * 0.6, panel.width * 0.6), scene.accent_color, lamp, opacity=0.5)
    draw_person(picture, panel, video, scene)


def draw_person(picture: Picture, panel: Panel, video: Video, scene: Scene) -> None:
    """The speaker talks into a microphone, in front of what is there."""
    person = PEOPLE[video.subject]
    unit = min(panel.height, 300) / 125  # the head is 46 units high, and ends above the title
    total_ms = picture.end_ms - picture.start_ms
    nod = 1.5 * unit

    def put(x_units: float, y_units: float, *, still: bool = False) -> str:
        x, y = panel.locate(0.5, 0)
        start = (x + x_units * unit, y + y_units * unit)
        return panel.clip + (place(start) if still else move(start, (start[0] + nod, start[1] + nod)))

    def oval(width: float, height: float) -> str:
        return ellipse(width * unit, height * unit)

    picture.shape(dome(80 * unit, 40 * unit), person.shirt, put(0, 88, still=True))
    picture.shape(rectangle(80 * unit, 60 * unit), person.shirt, put(0, 137, still=True))
    picture.shape(oval(15, 28), person.skin, put(0, 64))
    picture.shape(oval(41, 46), person.hair, put(0, 39))
    picture.shape(oval(33, 41), person.skin, put(0, 44))
    picture.shape(dome(37 * unit, 14 * unit), person.hair, put(0, 28))
    for side in (-1, 1):
        blink = r"\t(900,960,\fscy10)\t(960,1040,\fscy100)"
        picture.shape(oval(3.4, 4.6), "#221a1a", put(side * 7, 44) + blink)
    picture.shape(oval(10, 6), "#7c2430", put(0, 55) + sway("fscy", 25, 110, 170 + 20 * scene.scene_id, total_ms))
    picture.shape(rectangle(3 * unit, 60 * unit), "#20242b", put(20, 105, still=True))
    picture.shape(pill(9 * unit, 9 * unit), "#3a3f4a", put(20, 72, still=True))


def draw_words(picture: Picture, video: Video, scene: Scene, style: str) -> None:
    """The title, the style's badge, the video's name and a bar that fills as the clip plays."""
    shade = rectangle(WIDTH + 120, 190)
    picture.shape(shade, "#000000", place((WIDTH / 2, HEIGHT - 40)) + r"\blur25", opacity=0.5)
    badge_width, badge = len(style) * 9 + 22, 27
    middle = (12 + badge_width / 2, 14 + badge / 2)
    picture.shape(pill(badge_width, badge), scene.accent_color, place(middle))
    picture.add("Badge", f"{{{place(middle)}}}{style}")
    picture.add("Title", scene.title)
    picture.add("Foot", video.title)
    picture.shape(rectangle(WIDTH, 5), "#ffffff", place((WIDTH / 2, HEIGHT - 2.5)), opacity=0.25)
    bar = rectangle(WIDTH, 5)
    picture.shape(bar, scene.accent_color, move((-WIDTH / 2, HEIGHT - 2.5), (WIDTH / 2, HEIGHT - 2.5)))
