// Names and shapes that Python and the browser share: the traits of RecistViewer (recist_viewer.py), its messages and
// the planes of its scan (planes.py). Only the type checker reads this file; a test holds it against Python's names.

/** Voxel index [z, y, x]. Pixel (column, row) of a slice covers the edges [column, column + 1) x [row, row + 1). */
export type Point = [z: number, y: number, x: number];
/** Pixels of the screen, from a canvas's left and top. */
export type Place = [x: number, y: number];
export type Ends<T = Point> = [T, T];
/** Values shown as black and as white. */
export type GreyWindow = [low: number, high: number];

/** A lesion as it was drawn: its RECIST line, and what else a reader told of it; see `RecistMark` in recist.py. */
export interface Mark {
  label: number;
  name: string;
  tracking_uid: string;
  endpoints_zyx: Ends;
  short_axis_zyx: Ends | null;
  first_slice: number | null;
  last_slice: number | null;
  inside_zyx: Point[];
  outside_zyx: Point[];
}
export type EdgeKey = "first_slice" | "last_slice";
export type PointKey = "inside_zyx" | "outside_zyx";
export type LineKey = "endpoints_zyx" | "short_axis_zyx";

/** A mark while it is being drawn: it may have no line yet, and label 0. */
export type Draft = Omit<Mark, "endpoints_zyx"> & { endpoints_zyx: Ends | null };

/** Of a brush or an eraser on a slice; see `Stroke` in hand_edits.py. */
export interface Stroke {
  label: number;
  tool: string;
  plane: number;
  index: number;
  radius_mm: number;
  ball: boolean;
  path: [row: number, column: number][];
}

/** Voxels that another tool of the hand changed; see `edits_from_json` in hand_edits.py. */
export interface ToolEdit {
  label: number;
  tool: string;
  start_zyx: Point;
  shape_zyx: Point;
  added: string;
  removed: string;
}
export type HandEdit = Stroke | ToolEdit;

/** How the network is run; see `RunOptions` in options.py. */
export interface RunOptions {
  engine: string;
  threads: number | null;
  crop: string | null;
  window: GreyWindow | null;
  mirror: boolean;
  border: string;
  n_repeats: number;
  weights: string;
}

/** Slices that are shown as one; see `Slab` in slabs.py. */
export interface Slab {
  how: "max" | "mean" | "min";
  mm: number;
}

/** A ruler or a region of interest on a slice; see `Measure` in measures.py. */
export interface Measure {
  kind: "ruler" | "ROI";
  plane: number;
  index: number;
  ends: Ends<[row: number, column: number]>;
}

/** Of the voxels whose centres lie in an ROI; without any there are no values. */
export interface Statistics {
  mean?: number;
  sd?: number;
  min?: number;
  max?: number;
  voxels: number;
  area_mm2: number;
}

/** A lesion that has been segmented; a rejected one has no numbers. */
export interface Result extends Partial<Numbers>, Partial<Repeatability> {
  label: number;
  state: "proposed" | "accepted" | "rejected";
  seconds: number;
  hand_added_voxels: number;
  hand_removed_voxels: number;
}

/** Standard deviations of a lesion that was segmented several times; see repeatability.py. */
export interface Repeatability {
  n_repeats: number;
  volume_sd_ml: number;
  diameter_sd_mm: number;
  short_axis_sd_mm: number;
}

/** What the viewer shows of a `TumorMeasurement`. */
export interface Numbers {
  volume_ml: number;
  longest_diameter_mm: number;
  longest_diameter_slice: number | null;
  longest_diameter_zyx: Ends | null;
  short_axis_mm: number;
  short_axis_zyx: Ends | null;
  flag_sentences: string[];
}

/** One of the three ways to cut the scan; see `Plane` in planes.py. */
export interface Plane {
  name: string;
  cut: number;
  across: number;
  down: number;
  flip_across: boolean;
  flip_down: boolean;
  n_slices: number;
  shape: [rows: number, columns: number];
  pixel_mm: [height: number, width: number];
  sides: [left: string, right: string, top: string, bottom: string];
  place_mm: [first: number, step: number] | null;
}

export interface Scan {
  shape_zyx: Point;
  spacing_mm: Point;
  planes: Plane[];
  windows: Record<string, GreyWindow>;
  palette: string[];
  unit: string;
  prior: PriorResult[] | null;
}

/** A mask of the prior visit; see `PriorVisit.results` in prior_visit.py. */
export interface PriorResult {
  label: number;
  volume_ml: number;
  longest_diameter_mm: number;
  short_axis_mm: number;
}

/** Part of a slice of the label map: codes are 0 or 1 + position in `labels`. */
export interface LabelPatch {
  start: [row: number, column: number];
  shape: [rows: number, columns: number];
  labels: number[];
  codes: Uint8Array;
}

export interface Traits {
  marks: Mark[];
  edits: HandEdit[];
  measures: Measure[];
  selected: number;
  cursor_zyx: Point;
  window: GreyWindow;
  colors: Record<string, string>;
  threshold: number;
  thresholds: Record<string, number>;
  options: RunOptions;
  auto_segment: boolean;
  results: Result[];
  status: string;
  error: string;
  _scan: Scan;
  _mask_version: number;
}

/** What undo brings back; see history.py. */
export interface Work {
  marks: Mark[];
  edits: HandEdit[];
  thresholds: Record<string, number>;
  measures: Measure[];
}

/** A slice: number of its plane, its index. */
export type SliceAt = [plane: number, index: number];

export type ToPython =
  | { kind: "slices"; id: string; window: GreyWindow; slab: Slab | null; wants: [...SliceAt, withImage: boolean][] }
  | { kind: "value"; zyx: Point; visit: number }
  | { kind: "surfaces" }
  | { kind: "history" }
  | { kind: "roi"; measure: Measure }
  | { kind: "segment" }
  | { kind: "accept" | "reject"; label: number }
  | { kind: "tool"; tool: "fill" | "islands" | "smooth"; label: number; mm: number };

/** Each slice's image, then its patch's codes, are the next buffers. */
export interface SlicesMessage {
  kind: "slices";
  id: string | null;
  window: GreyWindow;
  slab: Slab | null;
  mask_version: number;
  slices: { plane: number; index: number; image: boolean; patch?: Omit<LabelPatch, "codes"> }[];
}
/** Each surface's vertices (float32, three each) and triangles (uint32) are the next buffers; mm, x, y, z. */
export interface SurfacesMessage {
  kind: "surfaces";
  surfaces: { label: number; line_mm: Ends }[];
}
export type FromPython =
  | SlicesMessage
  | SurfacesMessage
  | { kind: "value"; zyx: Point; visit: number; value: number }
  | { kind: "roi"; measure: Measure; statistics: Statistics }
  | { kind: "history"; done: Work[]; undone: Work[] }
  | { kind: "refused"; work: Work }
  | { kind: "said"; words: string };

/** The last one is Jupyter's: the kernel that a model belongs to is gone. */
export type ModelEvent = "msg:custom" | `change:${keyof Traits}` | "comm_live_update";
export type Listener = (message: FromPython, buffers: (DataView | ArrayBuffer)[]) => void;

/** What anywidget promises of a model, wherever the widget is shown. */
export interface Model {
  get<Name extends keyof Traits>(name: Name): Traits[Name];
  set<Name extends keyof Traits>(name: Name, value: Traits[Name]): void;
  save_changes(): void;
  on(name: ModelEvent, listener: Listener): void;
  off(name: ModelEvent, listener: Listener): void;
  send(message: ToPython): void;
}
