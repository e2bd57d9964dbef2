from lite_ensam.widgets.explorer import Explorer, explore
from lite_ensam.widgets.recist_viewer import RecistViewer
from lite_ensam.widgets.view_3d import render_tumors_3d, view_itk, view_tumors

__all__ = [
    "Explorer",
    "RecistViewer",
    "explore",
    "render_tumors_3d",
    "view_itk",
    "view_tumors",
]
