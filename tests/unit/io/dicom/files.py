"""DICOM files for the tests, written by pydicom slice by slice, not by what is tested."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydicom import config, dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    RTStructureSetStorage,
    generate_uid,
)

from lite_ensam.core.grid import Grid

AXIAL = (1, 0, 0, 0, 1, 0)
SAGITTAL = (0, 1, 0, 0, 0, -1)
SERIES, STUDY, FRAME = generate_uid(), generate_uid(), generate_uid()


def new_dataset(modality: str, sop_class: str) -> Dataset:
    dataset = Dataset()
    dataset.Modality = modality
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = generate_uid()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = sop_class
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def write_slice(
    path: Path,
    stored: np.ndarray,
    position_lps: Sequence[float],
    *,
    orientation: Sequence[float] = AXIAL,
    row_column_mm: Sequence[float] = (0.8, 0.7),
    slope: float = 1.0,
    intercept: float = -1000.0,
    series: str = SERIES,
    **more: object,
) -> None:
    dataset = new_dataset("CT", CTImageStorage)
    dataset.SeriesInstanceUID, dataset.StudyInstanceUID, dataset.FrameOfReferenceUID = series, STUDY, FRAME
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate, dataset.PatientSex = (
        "Phantom",
        "P1",
        "",
        "O",
    )
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID, dataset.AccessionNumber = (
        "20250102",
        "101500",
        "1",
        "",
    )
    dataset.ReferringPhysicianName = dataset.PositionReferenceIndicator = ""
    dataset.SeriesNumber, dataset.InstanceNumber, dataset.Manufacturer = 1, 1, "nobody"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.Rows, dataset.Columns = stored.shape
    dataset.PixelSpacing = list(row_column_mm)
    dataset.SliceThickness = 2.5
    dataset.ImageOrientationPatient = list(orientation)
    dataset.ImagePositionPatient = list(position_lps)
    dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.PixelData = stored.astype("<u2").tobytes()
    # what the standard forbids is written, too
    with warnings.catch_warnings(action="ignore"), config.disable_value_validation():
        for name, value in more.items():
            setattr(dataset, name, value)
        dataset.save_as(path, enforce_file_format=True)


def stored_volume(shape: tuple[int, int, int] = (5, 12, 16)) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 3000, shape)


def write_series(folder: Path, stored: np.ndarray, step_mm: float = 2.5, **options) -> None:
    """Axial slices from the feet up, the file names in another order."""
    folder.mkdir(exist_ok=True, parents=True)
    for k, one in enumerate(stored):
        position = (-10.0, -20.0, 100.0 + k * step_mm)
        write_slice(folder / name_of_slice(k), one, position, **{"InstanceNumber": k + 1} | options)


def name_of_slice(k: int) -> str:
    """Of a file of `write_series`: not in the order of the slices."""
    return f"{(k * 3) % 11:02d}.dcm"


def write_rtstruct(
    path: Path, rois: dict[str, list[np.ndarray]], kind: str = "CLOSED_PLANAR", modality: str = "RTSTRUCT"
) -> None:
    """ROIs by name, each a list of contours, points (n, 3) in LPS mm."""
    dataset = new_dataset(modality, RTStructureSetStorage)
    dataset.StructureSetROISequence, dataset.ROIContourSequence = [], []
    for number, (name, contours) in enumerate(rois.items(), start=1):
        roi, contour_set = Dataset(), Dataset()
        roi.ROINumber, roi.ROIName = number, name
        contour_set.ReferencedROINumber = number
        contour_set.ContourSequence = []
        for points in contours:
            contour = Dataset()
            contour.ContourGeometricType = kind
            contour.NumberOfContourPoints = len(points)
            contour.ContourData = [float(p) for p in np.round(points, 4).ravel()]
            contour_set.ContourSequence.append(contour)
        dataset.StructureSetROISequence.append(roi)
        dataset.ROIContourSequence.append(contour_set)
    dataset.save_as(path, enforce_file_format=True)


def contour(grid: Grid, z: float, corners_yx: Sequence[Sequence[float]]) -> np.ndarray:
    """LPS mm of corners given as voxel indices."""
    ras = grid.voxel_to_mm([(z, y, x) for y, x in corners_yx])
    return ras * (-1, -1, 1)


def box_yx(low: float, high: float) -> list[tuple[float, float]]:
    return [(low, low), (low, high), (high, high), (high, low)]


def item(**attributes: object) -> Dataset:
    dataset = Dataset()
    for name, value in attributes.items():
        setattr(dataset, name, value)
    return dataset


def write_enhanced(
    path: Path,
    stored: np.ndarray,
    heights_mm: Sequence[float],
    *,
    slopes: Sequence[float] = (),
    sop_class: str = EnhancedCTImageStorage,
    content: Sequence[dict[str, object]] = (),
    **more: object,
) -> None:
    """One enhanced CT of axial frames; `content` is what FrameContentSequence has of each beside its number."""
    write_slice(path, stored[0], (0.0, 0.0, 0.0), BitsStored=16, HighBit=15)
    dataset = dcmread(path)
    for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"):
        delattr(dataset, name)
    del dataset.RescaleSlope, dataset.RescaleIntercept
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = sop_class
    dataset.NumberOfFrames = len(stored)
    dataset.PixelData = stored.astype("<u2").tobytes()
    measures = item(PixelSpacing=[0.8, 0.7], SliceThickness=2.5)
    dataset.SharedFunctionalGroupsSequence = [
        item(
            PixelMeasuresSequence=[measures],
            PlaneOrientationSequence=[item(ImageOrientationPatient=list(AXIAL))],
        )
    ]
    dataset.PerFrameFunctionalGroupsSequence = [
        item(
            PlanePositionSequence=[item(ImagePositionPatient=[-10.0, -20.0, height])],
            PixelValueTransformationSequence=[
                item(RescaleSlope=slopes[k] if slopes else 1, RescaleIntercept=-1000, RescaleType="HU")
            ],
            FrameContentSequence=[item(InStackPositionNumber=k + 1, **(content[k] if content else {}))],
        )
        for k, height in enumerate(heights_mm)
    ]
    for name, value in more.items():
        setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)
