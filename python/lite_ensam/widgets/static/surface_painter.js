// Surfaces on a canvas by WebGL: one light beside the eye, no perspective, nothing fetched.

import { normalsOf } from "./scene_geometry.js";

/** @import { Eye, Vector } from "./scene_geometry.js" */

/** @typedef {{ color: string, vertices: Float32Array, triangles: Uint32Array }} Shape */
/** @typedef {{ color: number[], count: number, vertices: WebGLBuffer, normals: WebGLBuffer, triangles: WebGLBuffer }} Mesh */

const VERTEX = `
attribute vec3 place;
attribute vec3 normal;
uniform vec3 right, up, near, center;
uniform vec2 scale;
uniform float depth;
varying float light;
void main() {
  vec3 p = place - center;
  gl_Position = vec4(dot(right, p) * scale.x, dot(up, p) * scale.y, -dot(near, p) * depth, 1.0);
  light = 0.35 + 0.65 * abs(dot(normalize(normal), normalize(near + 0.35 * up - 0.25 * right)));
}`;
const FRAGMENT = `
precision mediump float;
uniform vec3 color;
varying float light;
void main() { gl_FragColor = vec4(color * light, 1.0); }`;

export class SurfacePainter {
  /** @param {HTMLCanvasElement} canvas whose browser has WebGL, else an error is thrown */
  constructor(canvas) {
    this.canvas = canvas;
    const gl = canvas.getContext("webgl", { antialias: true, preserveDrawingBuffer: true });
    if (!gl || !gl.getExtension("OES_element_index_uint")) throw new Error("no WebGL");
    this.gl = gl;
    this.program = gl.createProgram();
    for (
      const [kind, text] of /** @type {[number, string][]} */ ([
        [gl.VERTEX_SHADER, VERTEX],
        [gl.FRAGMENT_SHADER, FRAGMENT],
      ])
    ) {
      const shader = /** @type {WebGLShader} */ (gl.createShader(kind));
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(this.program, shader);
    }
    gl.linkProgram(this.program);
    gl.useProgram(this.program);
    gl.enable(gl.DEPTH_TEST);
    gl.clearColor(0.06, 0.08, 0.09, 1);
    /** @type {Mesh[]} */
    this.meshes = [];
  }

  /** @param {Shape[]} shapes */
  setShapes(shapes) {
    this.forget();
    this.meshes = shapes.filter(({ triangles }) => triangles.length).map(({ color, vertices, triangles }) => ({
      color: [1, 3, 5].map((n) => parseInt(color.slice(n, n + 2), 16) / 255),
      count: triangles.length,
      vertices: this.buffer(this.gl.ARRAY_BUFFER, vertices),
      normals: this.buffer(this.gl.ARRAY_BUFFER, normalsOf(vertices, triangles)),
      triangles: this.buffer(this.gl.ELEMENT_ARRAY_BUFFER, triangles),
    }));
  }

  /**
   * @param {number} target
   * @param {Float32Array | Uint32Array} values
   */
  buffer(target, values) {
    const { gl } = this;
    const buffer = gl.createBuffer();
    gl.bindBuffer(target, buffer);
    gl.bufferData(target, /** @type {BufferSource} */ (values), gl.STATIC_DRAW);
    return buffer;
  }

  /**
   * @param {Eye} eye
   * @param {Vector} center of the picture
   * @param {[x: number, y: number]} scale half pictures a mm
   * @param {number} depth half depths a mm
   */
  draw(eye, center, scale, depth) {
    const { gl, program, canvas } = this;
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    for (const [name, vector] of Object.entries({ ...eye, center })) {
      gl.uniform3fv(gl.getUniformLocation(program, name), vector);
    }
    gl.uniform2fv(gl.getUniformLocation(program, "scale"), scale);
    gl.uniform1f(gl.getUniformLocation(program, "depth"), depth);
    for (const mesh of this.meshes) {
      gl.uniform3fv(gl.getUniformLocation(program, "color"), mesh.color);
      for (
        const [name, buffer] of /** @type {[string, WebGLBuffer][]} */ ([
          ["place", mesh.vertices],
          ["normal", mesh.normals],
        ])
      ) {
        const attribute = gl.getAttribLocation(program, name);
        gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
        gl.enableVertexAttribArray(attribute);
        gl.vertexAttribPointer(attribute, 3, gl.FLOAT, false, 0, 0);
      }
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, mesh.triangles);
      gl.drawElements(gl.TRIANGLES, mesh.count, gl.UNSIGNED_INT, 0);
    }
  }

  forget() {
    const { gl } = this;
    for (const { vertices, normals, triangles } of this.meshes) {
      for (const buffer of [vertices, normals, triangles]) gl.deleteBuffer(buffer);
    }
    this.meshes = [];
  }

  /** Give all of its memory back. */
  close() {
    this.forget();
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}
