//! Number arguments, and the tuple that describes a tumor: checked and converted, errors name the argument.

use lite_ensam_kernels::TumorLogits;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::arrays::Logits;

pub(crate) fn real(name: &str, argument: &Bound<'_, PyAny>) -> PyResult<f64> {
    argument.extract().map_err(|_| wrong_type(name, "a number", argument))
}

/// An integer that is not negative.
pub(crate) fn count(name: &str, argument: &Bound<'_, PyAny>) -> PyResult<usize> {
    not_negative(name, integer(name, argument)?)
}

pub(crate) fn not_negative(name: &str, number: i64) -> PyResult<usize> {
    usize::try_from(number)
        .map_err(|_| PyValueError::new_err(format!("{name} must not be negative, got {number}")))
}

/// A label of a tumor.
pub(crate) fn label(name: &str, argument: &Bound<'_, PyAny>) -> PyResult<u16> {
    uint16(name, argument, 1)
}

/// A number of labels.
pub(crate) fn n_labels(name: &str, argument: &Bound<'_, PyAny>) -> PyResult<u16> {
    uint16(name, argument, 0)
}

pub(crate) fn reals(name: &str, argument: &Bound<'_, PyAny>) -> PyResult<[f64; 3]> {
    triple(name, "numbers", argument, real)
}

pub(crate) fn counts(name: &str, argument: &Bound<'_, PyAny>) -> PyResult<[usize; 3]> {
    triple(name, "integers", argument, count)
}

/// A tumor whose array is kept alive and unchanged as long as this lives.
pub(crate) struct Tumor<'py> {
    label: u16,
    logits: Logits<'py>,
    start_zyx: [f64; 3],
    step_zyx: [f64; 3],
    content_zyx: [usize; 3],
}

type FiveObjects<'py> =
    (Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>);

impl<'py> Tumor<'py> {
    pub(crate) fn list(name: &str, argument: &Bound<'py, PyAny>) -> PyResult<Vec<Self>> {
        let items = argument.try_iter().map_err(|_| wrong_type(name, "a list of tumors", argument))?;
        items.enumerate().map(|(i, item)| Self::check(&format!("{name}[{i}]"), &item?)).collect()
    }

    fn check(name: &str, argument: &Bound<'py, PyAny>) -> PyResult<Self> {
        let expected = "a tuple (label, logits, start_zyx, step_zyx, content_zyx)";
        let (label_, logits, start_zyx, step_zyx, content_zyx): FiveObjects<'py> =
            argument.extract().map_err(|_| wrong_type(name, expected, argument))?;
        Ok(Self {
            label: label(&format!("label of {name}"), &label_)?,
            logits: Logits::check(&format!("logits of {name}"), &logits)?,
            start_zyx: reals(&format!("start_zyx of {name}"), &start_zyx)?,
            step_zyx: reals(&format!("step_zyx of {name}"), &step_zyx)?,
            content_zyx: counts(&format!("content_zyx of {name}"), &content_zyx)?,
        })
    }

    pub(crate) fn views<'a>(tumors: &'a [Self]) -> Vec<TumorLogits<'a>> {
        let view = |tumor: &'a Self| {
            let &Self { label, ref logits, start_zyx, step_zyx, content_zyx } = tumor;
            let Logits::F32(logits) = logits;
            TumorLogits { label, logits: logits.as_array(), start_zyx, step_zyx, content_zyx }
        };
        tumors.iter().map(view).collect()
    }
}

fn integer(name: &str, argument: &Bound<'_, PyAny>) -> PyResult<i64> {
    argument.extract().map_err(|error: PyErr| match error.is_instance_of::<PyTypeError>(argument.py()) {
        true => wrong_type(name, "an integer", argument),
        false => PyValueError::new_err(format!("{name} must fit into 64 bits, got {argument}")),
    })
}

fn uint16(name: &str, argument: &Bound<'_, PyAny>, low: u16) -> PyResult<u16> {
    let number = integer(name, argument)?;
    u16::try_from(number)
        .ok()
        .filter(|&number| number >= low)
        .ok_or_else(|| PyValueError::new_err(format!("{name} must be {low} to 65535, got {number}")))
}

fn triple<T>(
    name: &str,
    numbers: &str,
    argument: &Bound<'_, PyAny>,
    convert: fn(&str, &Bound<'_, PyAny>) -> PyResult<T>,
) -> PyResult<[T; 3]> {
    let [z, y, x]: [Bound<'_, PyAny>; 3] =
        argument.extract().map_err(|_| wrong_type(name, &format!("three {numbers} (z, y, x)"), argument))?;
    Ok([convert(name, &z)?, convert(name, &y)?, convert(name, &x)?])
}

fn wrong_type(name: &str, expected: &str, argument: &Bound<'_, PyAny>) -> PyErr {
    let got = argument.repr().map_or_else(|_| "an object without repr".to_owned(), |repr| repr.to_string());
    PyTypeError::new_err(format!("{name} must be {expected}, got {got}"))
}
