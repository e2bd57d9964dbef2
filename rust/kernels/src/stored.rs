//! Numbers as files store them: any of the ten usual types, in either byte order.

/// A number of a file.
pub trait Stored: Copy + PartialOrd + Default + Send + Sync + 'static {
    /// Whether all its values are whole numbers.
    const IS_INTEGER: bool;

    /// The nearest `f64` (only 64-bit integers are ever rounded).
    fn to_f64(self) -> f64;

    /// Numbers out of bytes; `into` says how many, and there are enough bytes for them.
    fn decode(bytes: &[u8], big_endian: bool, into: &mut [Self]);
}

macro_rules! stored {
    ($($dtype:ty: $is_integer:literal),*) => {
        $(impl Stored for $dtype {
            const IS_INTEGER: bool = $is_integer;

            fn to_f64(self) -> f64 {
                self as f64
            }

            fn decode(bytes: &[u8], big_endian: bool, into: &mut [Self]) {
                let (bytes, _) = bytes.as_chunks();
                if big_endian {
                    into.iter_mut().zip(bytes).for_each(|(v, &bytes)| *v = Self::from_be_bytes(bytes));
                } else {
                    into.iter_mut().zip(bytes).for_each(|(v, &bytes)| *v = Self::from_le_bytes(bytes));
                }
            }
        })*
    };
}
stored!(u8: true, i8: true, u16: true, i16: true, u32: true, i32: true, u64: true, i64: true, f32: false, f64: false);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_byte_orders_are_decoded(values in prop::collection::vec(any::<i32>(), 0..20)) {
            let mut read = vec![0; values.len()];
            let little: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            i32::decode(&little, false, &mut read);
            prop_assert_eq!(&read, &values);
            let big: Vec<u8> = values.iter().flat_map(|v| v.to_be_bytes()).collect();
            i32::decode(&big, true, &mut read);
            prop_assert_eq!(&read, &values);
        }
    }

    #[test]
    fn bits_of_floats_are_kept() {
        let mut read = [0.0_f32];
        f32::decode(&f32::NAN.to_be_bytes(), true, &mut read);
        assert!(read[0].is_nan());
        f32::decode(&[0xff, 0xff, 0x7f, 0x7f], false, &mut read);
        assert_eq!(read, [f32::MAX]);
    }
}
