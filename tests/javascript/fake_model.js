/** @import { FromPython, Listener, Mark, Model, Plane, ToPython, Traits } from "#viewer/contract.d.ts" */

/**
 * A lesion with a line in slice z = 4.
 * @param {number} label
 * @param {Partial<Mark>} properties
 * @returns {Mark}
 */
export const makeMark = (label, properties = {}) => ({
  label,
  name: "",
  tracking_uid: "",
  endpoints_zyx: [[4, 10, 10], [4, 10, 30]],
  short_axis_zyx: null,
  first_slice: null,
  last_slice: null,
  inside_zyx: [],
  outside_zyx: [],
  ...properties,
});

/** @type {Plane} */
export const AXIAL_PLANE = {
  name: "axial",
  cut: 0,
  across: 2,
  down: 1,
  flip_across: false,
  flip_down: false,
  n_slices: 10,
  shape: [20, 30],
  pixel_mm: [1, 1],
  sides: ["R", "L", "A", "P"],
  place_mm: null,
};
/** @type {Plane} slices 5 mm apart, head up */
export const CORONAL_PLANE = {
  ...AXIAL_PLANE,
  name: "coronal",
  cut: 1,
  down: 0,
  flip_down: true,
  shape: [10, 30],
  pixel_mm: [5, 1],
};

/**
 * Python's side of the model: holds traits, keeps what was sent, tells listeners.
 * @implements {Model}
 */
export class FakeModel {
  /** @param {Partial<Traits>} traits */
  constructor(traits) {
    /** @type {Traits} */
    this.traits = {
      marks: [],
      edits: [],
      measures: [],
      selected: 0,
      cursor_zyx: [0, 0, 0],
      window: [-160, 240],
      colors: {},
      threshold: 0,
      thresholds: {},
      options: {
        engine: "openvino",
        threads: null,
        crop: null,
        window: null,
        mirror: false,
        border: "readers",
        n_repeats: 0,
        weights: "",
      },
      auto_segment: true,
      results: [],
      status: "",
      error: "",
      _scan: {
        shape_zyx: [8, 64, 64],
        spacing_mm: [5, 1, 1],
        planes: [],
        windows: {},
        palette: [],
        unit: "HU",
        prior: null,
      },
      _mask_version: 0,
      ...traits,
    };
    /** @type {Partial<Traits>} traits as they were saved last */
    this.saved = {};
    /** @type {ToPython[]} */
    this.sent = [];
    /** @type {[string, Listener][]} */
    this.listeners = [];
  }

  /** @type {Model["get"]} */
  get = (name) => this.traits[name];

  /** @type {Model["set"]} */
  set = (name, value) => {
    this.traits[name] = value;
    this.tell(`change:${name}`);
  };

  save_changes() {
    this.saved = { ...this.traits };
  }

  /** @type {Model["on"]} */
  on = (name, listener) => void this.listeners.push([name, listener]);

  /** @type {Model["off"]} */
  off = (name, listener) => {
    this.listeners = this.listeners.filter(([n, l]) => n !== name || l !== listener);
  };

  /** @param {ToPython} message */
  send(message) {
    this.sent.push(message);
  }

  /**
   * @param {string} event
   * @param {FromPython} [message]
   * @param {(DataView | ArrayBuffer)[]} buffers
   */
  tell(event, message, buffers = []) {
    const heard = this.listeners.filter(([name]) => name === event);
    heard.forEach(([, listener]) => listener(/** @type {FromPython} */ (message), buffers));
  }
}
