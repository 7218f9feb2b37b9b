"""Every word that the page shows: English in this table, Chinese in app/words_zh.py, and which of them is spoken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

from app.words_zh import DATA_ZH, WORDS_ZH

__all__ = ["GROUPS", "LANGUAGES", "PAGE_WORDS", "name_in", "say", "sentence", "speaking"]

LANGUAGES: Mapping[str, str] = MappingProxyType({"en": "English", "zh": "中文"})
"""What the page can be read in: the code that browsers use, and what the language calls itself. The first is ours."""

_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "title": "Loki Studio",
        # header
        "undo": "Undo (Ctrl+Z)",
        "redo": "Redo (Ctrl+Shift+Z)",
        "theme": "Light or dark",
        "keys": "Keyboard (?)",
        "language": "Language",
        # project
        "project_open": "Open a project, or a picture or video that carries one (Ctrl+O)",
        "project_save": "Save the work as a project (Ctrl+S)",
        "no_project": "There is no project in {name}.",
        "project_empty": "expected a project with a portrait, got one without; choose another",
        "project_preset": "this project uses the motion '{name}', which this studio does not have",
        "kept_found": "Work that was not saved, {minutes} min ago.",
        "kept_take_up": "Take it up again",
        "kept_damaged": "what was kept of this work is damaged and cannot be read",
        # viewport
        "viewport": "Viewport",
        "view": "View",
        "view_side": "Side by side",
        "view_wipe": "Wipe",
        "view_map": "Driver map",
        "view_warp": "Warp",
        "view_portrait": "Portrait",
        "map_mode": "What the driver map shows",
        "map_heat": "Deformation",
        "map_encoding": "Channels",
        "map_normals": "Normals",
        "map_parts": "Parts",
        "map_matte": "Matte",
        "wipe": "Wipe between portrait and warp",
        "empty": "Drop a portrait here",
        "tool": "What the hand does",
        "tool_look": "Look only (V)",
        "tool_grab": "Grab the face (G)",
        "tool_head": "Turn the head (H)",
        "tool_neck": "Turn the neck (N)",
        "tool_jaw": "Open the jaw (J)",
        "tool_gaze": "Aim the eyes (E)",
        "vergence": "Vergence",
        "side_Left": "{name}, left",
        "side_Right": "{name}, right",
        "handle_browInner": "Inner brow",
        "handle_browOuter": "Outer brow",
        "handle_lidUpper": "Upper lid",
        "handle_lidLower": "Lower lid",
        "handle_iris": "Iris",
        "handle_cheek": "Cheek",
        "handle_noseWing": "Wing of the nose",
        "handle_mouthCorner": "Corner of the mouth",
        "handle_lipUpper": "Upper lip",
        "handle_lipLower": "Lower lip",
        "handle_chin": "Chin",
        # transport
        "transport": "Playback",
        "play": "Play or pause (space)",
        "first": "To the first frame (Home)",
        "back": "One frame back (left arrow)",
        "forward": "One frame on (right arrow)",
        "last": "To the last frame (End)",
        "loop": "Loop (L)",
        "frame": "Frame",
        "scrub": "Frame shown",
        "range_start": "Start of the range",
        "range_end": "End of the range",
        "range_start_here": "Start the range here (I)",
        "range_end_here": "End the range here (O)",
        "range_clear": "Whole motion (X)",
        "lost_frames": "The face was not seen well here; these frames are bridged",
        "rate": "{fps} fps",
        # keys
        "keys_sheet": "Keys",
        "keys_all": "All",
        "keys_set": "Set keys here for everything that is set (K)",
        "keys_auto": "Every change becomes a key (A)",
        "keys_previous": "To the key before (,)",
        "keys_next": "To the next key (.)",
        "keys_empty": "Set a control, then K: it can change over time",
        "keys_nothing": "Nothing is set yet: move a slider or the face first.",
        "keys_interpolation": "How the selected keys lead to the next",
        "keys_constant": "Held",
        "keys_linear": "Straight",
        "keys_ease": "Eased",
        "keys_bezier": "Smooth",
        "keys_copy": "Copy the selected keys (Ctrl+C)",
        "keys_paste": "Paste at the playhead (Ctrl+V)",
        "keys_mirror": "Exchange left and right (M)",
        "keys_delete": "Delete the selected keys (Delete)",
        "keys_outside": "expected keys from frame 0 on; move them less",
        "key_here": "Key of {control} here",
        # curves_
        "curves_graph": "Curves of the keys. Wheel: zoom, with Shift the values; Space or middle button: move; F: fit",
        # sources
        "sources": "Sources",
        "portrait": "Portrait",
        "portrait_drop": "Drop a picture of a face, or click to choose",
        "portrait_busy": "Looking for the face…",
        "faces": "{count} faces. Which one?",
        "face_number": "Face {number} from the left",
        "driver": "Driver clip",
        "driver_drop": "Drop a video of a face or a motion, or click to choose",
        "motion": "Motion",
        "still": "Still",
        "layer_add": "Add as a layer, from the playhead on",
        "layers": "Layers",
        "layer_hand": "Edits",
        "layer_new": "New layer for edits",
        "layer_copy": "A second layer like this",
        "layer_up": "Up",
        "layer_down": "Down",
        "layer_delete": "Delete",
        "layer_mute": "Mute {name}",
        "layer_solo": "Only {name}",
        "layer_name": "Name",
        "layer_weight": "Weight of {name}",
        "layer_weight_key": "Key for the weight here",
        "layer_time": "Time",
        "layer_first": "Begins at",
        "layer_stop": "Ends before",
        "layer_endless": "Empty: without end",
        "layer_offset": "From frame",
        "layer_speed": "Speed",
        "layer_extend": "Then",
        "layer_hold": "Hold the last frame",
        "layer_loop": "Again",
        "layer_mirror": "Back and forth",
        "layer_mode": "How",
        "layer_override": "Instead of what is below",
        "layer_additive": "Added to what is below",
        "generate": "Add",
        "generate_seed": "Seed: another number gives another one",
        "generate_blinks": "Blinks",
        "generate_glances": "Glances",
        "generate_breathing": "Breathing and sway",
        "generate_idle": "All three",
        "generate_still": "expected a motion to lie over, got a still face; choose one, such as Blank",
        "speak": "Speak",
        "speak_text": "Text to say, from the playhead on",
        "layer_regions": "Regions",
        "layer_follow": "How it moves the face",
        "absolute": "Absolute",
        "absolute_help": "0: the clip's changes are added to the portrait's own face. 1: the portrait takes over the clip's.",
        "gain_expression": "Expression",
        "gain_jaw": "Jaw",
        "gain_eye_left": "Left eye",
        "gain_eye_right": "Right eye",
        "gain_neck": "Neck",
        "gain_head_rotation": "Head turn",
        "gain_head_translation": "Head place",
        "gain_help": "1: as the clip. 0: the portrait stays as it is. Above 1 exaggerates.",
        "head": "Head",
        "head_help": "Axes of expression and of shape that this head model has",
        "head_info": "{name}: {expressions} + {shapes} axes",
        # inspector
        "tab_face": "Face",
        "tab_expressions": "Expressions",
        "tab_render": "Render",
        "linked": "Link left and right",
        "reset_all": "Reset all",
        "reset_group": "Reset {group}",
        "reset": "Reset",
        "find": "Find a control",
        "value_of": "{control}, value in {unit}",
        "brows": "Brows",
        "eyes": "Eyes",
        "lids": "Lids",
        "cheeks": "Cheeks",
        "nose": "Nose",
        "mouth": "Mouth",
        "jaw": "Jaw",
        "tongue": "Tongue",
        "head_group": "Head",
        "neck": "Neck",
        "left": "L",
        "right": "R",
        "share": "share of the way",
        "degrees": "degrees",
        "cm": "cm",
        # expressions
        "find_preset": "Find an expression",
        "none_found": "None of that name",
        # render
        "render_by": "Rendered by",
        "format": "Format",
        "format_mp4": "MP4 video",
        "format_webm": "WebM video, keeps transparency",
        "format_webm_cut": "WebM video, person cut out",
        "format_gif": "GIF",
        "format_png": "PNG sequence (zip)",
        "format_png_cut": "PNG sequence, person cut out (zip)",
        "format_map": "Driver map: MP4 video",
        "format_exr": "Driver map: 45 channels (EXR, zip)",
        "format_npz": "Motion: coefficients (npz)",
        "format_csv": "Motion: Live Link Face (csv)",
        "format_glb": "Motion: glTF for Blender (glb)",
        "format_obj": "Mesh of one frame (obj)",
        "what": "Frames",
        "range_all": "The range: {count} frames, {seconds} s",
        "range_frame": "This frame only",
        "sound": "Sound of the driver clip",
        "panel": "Portrait and driver map beside it",
        "project_inside": "Project inside mp4 and PNG",
        "render": "Render",
        "cancel": "Cancel",
        "interrupted": "A render of {title} was interrupted.",
        "resume": "Go on",
        "forget": "Forget it",
        "result": "Result",
        "download": "Download {name}",
        "no_result": "What you render appears here.",
        # work in progress
        "example": "Astronaut",
        "tracking": "Tracking {name}",
        "rendering": "Rendering {name}",
        "waiting": "{title}: waiting for other work",
        "progress": "{title}: {done} of {total}",
        "time_left": "{seconds} s left",
        "cancelled": "Cancelled: {title}",
        "done": "Done: {title}",
        # what went wrong
        "lost": "The studio does not answer. Is it still running? Reload the page.",
        "ended": "This page's session has ended. Reload the page to go on.",
        "our_fault": "Something went wrong in the studio itself; the log says what. Your work is still here.",
        "bad_request": "The page sent something that the studio does not understand. Reload the page.",
        "no_portrait": "expected a portrait, got none; drop one first",
        "too_large": "expected a file of at most {limit} MB, got {size} MB; cut it or make it smaller",
        "too_long": "expected a clip of at most {limit} seconds, got {seconds} seconds; cut it first",
        "too_busy": "this page has several renders or clips under way; wait for one, or cancel it",
        "too_many_portraits": "expected at most {limit} portraits on one page; reload it to begin anew",
        "too_many_layers": "expected at most {limit} layers; delete some first",
        "layer_outside": "expected a frame within {limit} of the beginning, got {got}",
        "too_many": "too many pages are open on this studio; close one, or try again later",
        "not_media": "expected a picture, a video or a motion (.npz, .csv, .glb), got {name}",
        "skipped_preset": "left out a preset: {reason}",
        # keyboard map
        "keys_title": "Keyboard",
        "close": "Close",
        "keys_play": "Play or pause",
        "keys_step": "One frame back or on; with Shift ten",
        "keys_ends": "First or last frame of the range",
        "expression_drag": "{label}: click to put it on the face, or drag it to a corner of the mixing pad",
        "expression_gone": "this expression has been deleted; choose another",
        "expression_strength": "Strength",
        "expression_regions": "Regions",
        "expression_all": "All",
        "expression_regions_help": "Only these regions of the face change",
        "expression_save": "Save this face",
        "expression_save_name": "Name, tags",
        "expression_save_help": "Keeps the face at the playhead, with all layers, as an expression of your own",
        "expression_rename": "Rename {label}",
        "expression_delete": "Delete {label}",
        "expression_none_kept": "Give the face a name first.",
        "mixpad": "Mixing pad",
        "mixpad_pad": "Mix of the four corners. Drag the dot, or use the arrow keys",
        "mixpad_corner": "Corner {number} of the mixing pad",
        "mixpad_rest": "At rest",
        "mixpad_record": "Record",
        "mixpad_record_help": "Plays, and keeps every move of the dot as keys until the range ends or you stop it",
        "mixpad_recording": "Recording: move the dot",
        "mixpad_still": "Choose a motion first, such as Blank: a still face has no time to record in.",
        "mixpad_hint": "Drag expressions to the corners, then move the dot.",
        # LIA-X
        "tab_liax": "LIA-X",
        "liax_picture": "The portrait with these edits",
        "liax_help": "A network's own directions. They show here and in what LIA-X renders.",
        "liax_align": "Align with the driver's first frame",
        "liax_align_help": "Sets the directions so that the portrait is posed as the driver is when it begins",
        "liax_head": "Head",
        "liax_mouth": "Mouth",
        "liax_eyes": "Eyes",
        "liax_all": "All directions",
        "liax_sweep": "Sweep: {name}",
        "liax_take": "{name} {value}",
        "liax_no_clip": "expected a motion that was tracked from a clip, got one without; choose to be driven by the performance",
        "liax_no_portrait": "expected a portrait, got none; bring one first",
        "keys_undo": "Undo, redo",
        "keys_range": "Range starts or ends here, whole motion",
        "keys_loop": "Loop on or off",
        "keys_views": "Side by side, wipe, driver map, warp, portrait",
        "keys_tools": "Tools: look, grab, head, neck, jaw, gaze",
        "keys_alt": "While dragging a point: the other side stays or follows. While aiming the eyes: vergence",
        "keys_shift": "While turning: steps of 5 degrees",
        "keys_fit": "Whole picture. Wheel: zoom. Drag beside handles: move. Double-click a point: pin it",
        "keys_keys": "Keys for all that is set; every change a key; key before, next key",
        "keys_project": "Open, save the project",
        "curves_keys": "On the graph: zoom, with Shift the values; all in sight. Double-click: a key. Space: move",
        "keys_clipboard": "Selected keys: copy, paste at the playhead, exchange left and right",
        "keys_help": "This page",
        "keys_slider": "Double-click a slider, or Delete on it, puts it back to rest",
    }
)

GROUPS: Mapping[str, str] = MappingProxyType({"head": "head_group"})
"""Groups of controls whose own name means something else in the table."""

PAGE_WORDS: tuple[str, ...] = (
    "lost", "cancelled", "done", "waiting", "progress", "time_left", "download", "no_result", "range_all", "none_found", "faces",
    "face_number", "portrait_busy", "not_media", "too_large", "rate", "vergence", "keys_all",
    "keys_nothing", "layer_add", "layer_mute", "layer_solo", "layer_weight", "kept_found", "interrupted", "no_project",
)  # fmt: skip
"""Keys that the page itself fills in; the rest is in the markup that the server writes."""


def sentence(message: str) -> str:
    """A message of the core as the page shows it: a capital letter first, a full stop last."""
    return message[:1].upper() + message[1:] + ("" if message.endswith((".", "?", "!")) else ".")


def say(key: str, **values: object) -> str:
    """The words for `key` in the language spoken, with `{names}` filled in."""
    words = _TABLES[_SPOKEN.get()].get(key) or _WORDS[key]
    return words.format(**values) if values else words


def name_in(name: str) -> str:
    """A name or help text of the core's tables and presets in the language spoken; a name of the user's own as it is."""
    return DATA_ZH.get(name, name) if _SPOKEN.get() == "zh" else name


@contextmanager
def speaking(language: object) -> Iterator[None]:
    """Within the block `say` speaks `language`: one of `LANGUAGES`, else English."""
    token = _SPOKEN.set(language if isinstance(language, str) and language in LANGUAGES else "en")
    try:
        yield
    finally:
        _SPOKEN.reset(token)


_TABLES: Mapping[str, Mapping[str, str]] = MappingProxyType({"en": _WORDS, "zh": WORDS_ZH})
_SPOKEN: ContextVar[str] = ContextVar("language", default="en")
"""A request's, not the program's: two pages may speak two languages."""
    "track_reading", "track_solving", "driver_frames", "driver_outliers_none", "driver_outliers", "driver_outliers_left", "driver_lost_count", "driver_head_change",
    "driver_face_change", "driver_neutral_is", "driver_neutral_is_found", "driver_faces", "record_waiting", "record_ready",
    "record_going", "record_name", "record_none",
    "expression_all", "expression_drag", "expression_rename", "expression_delete", "expression_none_kept",
    "mixpad_still", "mixpad_recording", "mixpad_record", "mixpad_rest",
