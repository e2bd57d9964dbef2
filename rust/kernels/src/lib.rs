//! Voxel arithmetic of lite-ensam, on [`ndarray`] views, in safe Rust, with no knowledge of Python.
//!
//! Arrays are indexed `(z, y, x)`; short vectors that end in `_zyx` follow the same order, lengths that end in
//! `_mm` are millimetres. Two coordinates are used:
//!
//! - an *index* is an integer at a voxel's centre;
//! - an *edge* coordinate is index + 0.5, so that voxel `i` covers `[i, i + 1)`. Boxes (`start_zyx`, `stop_zyx`)
//!   and the volume voxels that one patch voxel spans (`step_zyx`) are edge coordinates.
//!
//! | kernel | file |
//! |---|---|
//! | [`ValueRange`], [`value_range`], [`min_max`] | `normalize.rs` |
//! | [`crop_max_pool`] | `max_pool.rs` |
//! | [`crop_resample`], [`resample_part`], [`resample_box`] | `resample.rs`, `separable.rs` |
//! | [`marker_endpoints`] | `endpoints.rs` |
//! | [`label_counts`], [`label_boxes`] | `labels.rs` |
//! | [`paint`], [`paint_part`] of [`TumorLogits`] | `paint.rs`, `tumor.rs` |
//! | [`recover_missing_tumor`] | `sphere.rs`, `voxel_assignment.rs` |
//! | [`largest_piece`] | `pieces.rs` |
//! | [`snap_to_edge`] | `edge.rs`, `distance.rs`, `bell.rs` |
//! | [`in_plane_diameters`] | `diameter.rs`, `hull.rs` |
//! | [`read_boxes`], [`read_labelled`] of [`Stored`] numbers | `stream.rs`, `stored.rs` |
//! | [`open`], [`Inflated`], [`Deflater`] | `gzip.rs` |
//!
//! Every kernel has a slow twin in its tests: the same answer by the plainest loop, on random small volumes.

mod bell;
mod diameter;
mod distance;
mod edge;
mod endpoints;
mod error;
mod gzip;
mod hull;
mod labels;
mod max_pool;
mod normalize;
mod paint;
mod pieces;
mod resample;
mod separable;
mod sphere;
mod stored;
mod stream;
#[cfg(test)]
mod testing;
mod tumor;
mod voxel;
mod voxel_assignment;

pub use diameter::{InPlaneDiameters, in_plane_diameters};
pub use edge::snap_to_edge;
pub use endpoints::{MarkedLine, marker_endpoints};
pub use error::KernelError;
pub use gzip::{Deflater, Inflated, open};
pub use labels::{label_boxes, label_counts};
pub use max_pool::crop_max_pool;
pub use normalize::{ValueRange, min_max, value_range};
pub use paint::{paint, paint_part};
pub use pieces::{LargestPiece, largest_piece};
pub use resample::{crop_resample, resample_box, resample_part};
pub use sphere::{Recovered, Sphere, recover_missing_tumor};
pub use stored::Stored;
pub use stream::{Boxes, Layout, StreamError, VoxelBox, read_boxes, read_labelled};
pub use tumor::TumorLogits;
pub use voxel::Voxel;
