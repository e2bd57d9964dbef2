//! Each kernel on a 512 x 512 x 150 int16 scan with one lesion: `cargo bench`.

#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use lite_ensam_kernels as kernels;
use lite_ensam_kernels::{Sphere, TumorLogits};
use ndarray::{Array3, Axis, Slice};

const SHAPE: [usize; 3] = [150, 512, 512];
const SPACING_MM: [f64; 3] = [2.5, 0.8, 0.8];
/// A lesion of 30 mm in the middle, and a crop 2.5 times as wide.
const CENTER: [f64; 3] = [75.0, 256.0, 256.0];
const RADIUS_MM: f64 = 15.0;
const CROP_START: [f64; 3] = [60.0, 209.1, 209.1];
const CROP_STEP: [f64; 3] = [30.0 / 64.0, 93.75 / 64.0, 93.75 / 64.0];

/// Grey values that no compiler can guess: a linear congruential generator.
fn scan() -> Array3<i16> {
    let mut state = 1_u32;
    Array3::from_shape_simple_fn(SHAPE, || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 20) as i16 - 1024
    })
}

fn distance_mm(index: [f64; 3]) -> f64 {
    (0..3).map(|axis| ((index[axis] - CENTER[axis]) * SPACING_MM[axis]).powi(2)).sum::<f64>().sqrt()
}

/// Logits of a ball of the lesion's size, on the crop.
fn logits() -> Array3<f32> {
    Array3::from_shape_fn([64; 3], |(k, j, i)| {
        let patch = [k, j, i];
        let index =
            [0, 1, 2].map(|axis| CROP_START[axis] + (patch[axis] as f64 + 0.5) * CROP_STEP[axis] - 0.5);
        (RADIUS_MM - distance_mm(index)) as f32
    })
}

fn bench(c: &mut Criterion) {
    let ct = scan();
    let logits = logits();
    let tumor = TumorLogits {
        label: 1,
        logits: logits.view(),
        start_zyx: CROP_START,
        step_zyx: CROP_STEP,
        content_zyx: [64; 3],
    };
    let labels = kernels::paint(SHAPE, &[tumor], 0.0).unwrap();
    let mut marker = Array3::<u8>::zeros(SHAPE);
    marker.index_axis_mut(Axis(0), 75).assign(&labels.index_axis(Axis(0), 75).mapv(|label| label as u8));
    let sphere = Sphere { center_zyx: CENTER, radius_mm: RADIUS_MM, spacing_mm: SPACING_MM };
    let low = TumorLogits { label: 2, ..tumor };

    c.bench_function("value_range", |b| b.iter(|| kernels::value_range(black_box(ct.view()))));
    let mut scaled = Array3::zeros(ct.dim());
    c.bench_function("min_max", |b| {
        b.iter(|| kernels::min_max(black_box(ct.view()), -1000.0, 500.0, scaled.view_mut()))
    });
    c.bench_function("crop_max_pool 1 2 2", |b| {
        b.iter(|| kernels::crop_max_pool(black_box(ct.view()), [0; 3], SHAPE, [1, 2, 2]))
    });
    c.bench_function("crop_resample 64^3", |b| {
        b.iter(|| kernels::crop_resample(black_box(ct.view()), CROP_START, CROP_STEP, [64; 3]))
    });
    c.bench_function("marker_endpoints", |b| {
        b.iter(|| kernels::marker_endpoints(black_box(marker.view()), SPACING_MM))
    });
    c.bench_function("label_counts", |b| b.iter(|| kernels::label_counts(black_box(labels.view()), 1)));
    c.bench_function("label_boxes", |b| b.iter(|| kernels::label_boxes(black_box(labels.view()), 1)));
    c.bench_function("paint", |b| b.iter(|| kernels::paint(SHAPE, black_box(&[tumor]), 0.0)));
    c.bench_function("recover_missing_tumor", |b| {
        let mut labels = labels.clone();
        b.iter(|| {
            kernels::recover_missing_tumor(
                &mut labels.view_mut(),
                black_box(&[tumor, low]),
                2,
                &sphere,
                0.0,
                16,
            )
        })
    });
    c.bench_function("largest_piece", |b| b.iter(|| kernels::largest_piece(black_box(labels.view()), 1)));
    c.bench_function("in_plane_diameters", |b| {
        b.iter(|| kernels::in_plane_diameters(black_box(labels.view()), 1, SPACING_MM))
    });
    // On as much of the scan as its border may see; grey values that it finds its edge in
    let mut around = labels.mapv(|label| label as u8);
    around.slice_each_axis_inplace(|side| {
        let axis = side.axis.index();
        let half = 1.8 * RADIUS_MM / SPACING_MM[axis];
        Slice::from((CENTER[axis] - half) as usize..(CENTER[axis] + half) as usize)
    });
    let (other, grey) = (Array3::zeros(around.dim()), around.mapv(|inside| 80.0 * f32::from(inside)));
    c.bench_function("snap_to_edge", |b| {
        b.iter(|| {
            let mask = black_box(around.view());
            kernels::snap_to_edge(mask, other.view(), grey.view(), SPACING_MM, 3.6, 10.5)
        })
    });
}

criterion_group! { name = benches; config = Criterion::default().sample_size(20); targets = bench }
criterion_main!(benches);
