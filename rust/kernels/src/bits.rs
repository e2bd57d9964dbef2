//! The bits of a stream, in the order in which deflate takes them: each byte's lowest first.

use std::io::{self, Read};

const BUFFER: usize = 1 << 17;
/// More than the header of any block of a deflate stream takes: 14 + 19 * 3 + 318 * 14 bits.
const AHEAD: usize = 1024;
/// Bytes behind the buffer's end that may be looked at, never used.
const PADDING: usize = 32;
/// As many bytes as a length and a distance may reach into; a gzip stream has 8 behind its last code.
const LONGEST_CODE: usize = 7;

/// Bits that were read and not yet used, the next one lowest. Above `count` there are zeros, or the bits that come next.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bits {
    word: u64,
    count: u32,
}

impl Bits {
    /// At least 56 bits, if there is a word at `next`. A byte of which only a part fits is read again the next time.
    #[inline(always)]
    pub(crate) fn refill(&mut self, buffer: &[u8], next: &mut usize) -> Option<()> {
        let word = buffer.get(*next..*next + 8)?;
        let word = u64::from_le_bytes(word.try_into().expect("8 bytes"));
        self.word |= word << (self.count & 63); // it is below 64; the compiler need not look
        *next += (!self.count >> 3 & 7) as usize;
        self.count |= 56;
        Some(())
    }

    #[inline(always)]
    pub(crate) fn word(self) -> u64 {
        self.word
    }

    #[inline(always)]
    pub(crate) fn skip(&mut self, n_bits: u32) {
        self.word >>= n_bits & 63;
        self.count = self.count.wrapping_sub(n_bits);
    }

    /// Whole bytes among them.
    #[inline(always)]
    pub(crate) fn n_bytes(self) -> usize {
        (self.count >> 3 & 7) as usize
    }
}

/// A stream with a buffer, read by bytes or by bits.
///
/// Where it ends early, zeros are read for what is missing, and then [`BitReader::check_end`] is an error.
#[derive(Debug)]
pub(crate) struct BitReader<R> {
    stream: R,
    buffer: Vec<u8>,
    next: usize,
    end: usize,
    is_all: bool,
    bits: Bits,
}

impl<R: Read> BitReader<R> {
    pub(crate) fn new(stream: R) -> Self {
        let buffer = vec![0; BUFFER + PADDING];
        Self { stream, buffer, next: 0, end: 0, is_all: false, bits: Bits::default() }
    }

    /// Sees to it that there are `AHEAD` bytes, or all that are left and zeros behind them.
    pub(crate) fn read_ahead(&mut self) -> io::Result<()> {
        if self.is_all || self.next + AHEAD <= self.end {
            return Ok(());
        }
        // Bytes whose bits are not used yet are kept: `align` may give them back
        let kept = self.next - self.bits.n_bytes();
        self.buffer.copy_within(kept..self.end, 0);
        (self.next, self.end) = (self.next - kept, self.end - kept);
        while self.end < BUFFER {
            match self.stream.read(&mut self.buffer[self.end..BUFFER]) {
                Ok(0) => {
                    self.is_all = true;
                    self.buffer[self.end..self.end + PADDING].fill(0);
                    break;
                }
                Ok(n) => self.end += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// So many of the next bits, at most 16. Between two calls of `read_ahead` there are 8,000 at least.
    pub(crate) fn take(&mut self, n_bits: u32) -> io::Result<usize> {
        let value = self.peek(n_bits)? as usize & ((1 << n_bits) - 1);
        self.bits.skip(n_bits);
        self.check_end()?;
        Ok(value)
    }

    /// The next bits, at least so many (at most 56), without using them.
    pub(crate) fn peek(&mut self, n_bits: u32) -> io::Result<u64> {
        if self.bits.count < n_bits {
            self.bits.refill(&self.buffer, &mut self.next).ok_or(io::ErrorKind::UnexpectedEof)?;
        }
        Ok(self.bits.word)
    }

    /// An error if bits behind the end were used.
    pub(crate) fn check_end(&self) -> io::Result<()> {
        let is_behind = self.next > self.end + self.bits.n_bytes();
        if is_behind { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    /// The error of a code that means nothing, which may be one that is cut off.
    pub(crate) fn bad_code(&self, what: &str) -> io::Error {
        let may_be_cut = self.is_all && self.next + LONGEST_CODE > self.end + self.bits.n_bytes();
        if may_be_cut { io::ErrorKind::UnexpectedEof.into() } else { damaged(what) }
    }

    /// Leaves out bits up to the next whole byte.
    pub(crate) fn align(&mut self) {
        self.next -= self.bits.n_bytes();
        self.bits = Bits::default();
    }

    /// The buffer, where in it the next byte is, up to where it may be moved, and the bits before it, for a loop that
    /// does by itself what `take` does. The place may be moved beyond the limit by as many bytes as are in the bits,
    /// before two refills more; what came of it goes back by [`BitReader::resume`].
    #[inline(always)]
    pub(crate) fn suspend(&self) -> (&[u8], usize, usize, Bits) {
        let limit = if self.is_all { self.end } else { self.end - PADDING };
        (&self.buffer, self.next, limit, self.bits)
    }

    #[inline(always)]
    pub(crate) fn resume(&mut self, next: usize, bits: Bits) {
        (self.next, self.bits) = (next, bits);
    }

    /// The next bytes, if no bits of them were used: some, or none at the end.
    pub(crate) fn bytes(&mut self) -> io::Result<&[u8]> {
        self.read_ahead()?;
        Ok(&self.buffer[self.next..self.end])
    }

    /// Goes over bytes that `bytes` gave.
    pub(crate) fn consume(&mut self, n: usize) {
        self.next += n;
    }

    /// The next bytes, so many.
    pub(crate) fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let bytes = *self.bytes()?.first_chunk().ok_or(io::ErrorKind::UnexpectedEof)?;
        self.consume(N);
        Ok(bytes)
    }
}

/// The error of a gzip stream that no program wrote like this.
pub(crate) fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("damaged gzip stream: {what}"))
}
