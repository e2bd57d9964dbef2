//! The bits of a stream, in the order in which deflate takes them: each byte's lowest first.

use std::io::{self, Read};

const BUFFER: usize = 1 << 17;
/// More than the header of any block of a deflate stream takes: 14 + 19 * 3 + 318 * 14 bits.
const AHEAD: usize = 1024;
/// Bytes behind the buffer's end that may be looked at, never used.
const PADDING: usize = 32;
/// As many bytes as a length and a distance may reach into; a gzip stream has 8 behind its last code.
const LONGEST_CODE: usize = 7;

/// As many bytes as are looked at at once.
const WORD: usize = 8;
const ROOM: usize = BUFFER + PADDING;

/// Bits that were read and not yet used, the next one lowest. Above them there are zeros, or the bits that come next.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bits {
    word: u64,
    /// How many; only the lowest six bits of this number count.
    count: u32,
}

impl Bits {
    /// At least 56 bits. A byte of which only a part fits is read again the next time.
    #[inline(always)]
    pub(crate) fn refill(&mut self, buffer: &[u8; ROOM], next: &mut usize) {
        let word = buffer[*next..*next + WORD].try_into().expect("a word");
        self.word |= u64::from_le_bytes(word) << (self.count & 63);
        *next += (!self.count >> 3 & 7) as usize;
        self.count |= 56;
    }

    #[inline(always)]
    pub(crate) fn word(self) -> u64 {
        self.word
    }

    /// Goes over bits, as many as the lowest six bits of `n_bits` say: to cut the others off would take a step more.
    #[inline(always)]
    pub(crate) fn skip(&mut self, n_bits: u32) {
        self.word >>= n_bits & 63;
        self.count = self.count.wrapping_sub(n_bits);
    }

    fn count(self) -> u32 {
        self.count & 63
    }

    /// Whole bytes among them.
    fn n_bytes(self) -> usize {
        (self.count() >> 3) as usize
    }
}

/// A stream with a buffer, read by bytes or by bits.
///
/// Where it ends early, zeros are read for what is missing, and then [`BitReader::check_end`] is an error.
#[derive(Debug)]
pub(crate) struct BitReader<R> {
    stream: R,
    buffer: Box<[u8; ROOM]>,
    next: usize,
    end: usize,
    is_all: bool,
    bits: Bits,
}

impl<R: Read> BitReader<R> {
    pub(crate) fn new(stream: R) -> Self {
        Self { stream, buffer: Box::new([0; ROOM]), next: 0, end: 0, is_all: false, bits: Bits::default() }
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
        let value = self.peek(n_bits) as usize & ((1 << n_bits) - 1);
        self.bits.skip(n_bits);
        self.check_end()?;
        Ok(value)
    }

    /// The next bits, at least so many (at most 56), without using them.
    pub(crate) fn peek(&mut self, n_bits: u32) -> u64 {
        if self.bits.count() < n_bits {
            self.bits.refill(&self.buffer, &mut self.next);
        }
        self.bits.word
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

    /// For a loop that does by itself what `take` does: the buffer, where in it the next byte is, up to where a word of
    /// bits may be read, and the bits before it. What came of them goes back by `resume`.
    #[inline(always)]
    pub(crate) fn suspend(&self) -> (&[u8; ROOM], usize, usize, Bits) {
        // Behind the end of the stream, so far that no bits of it are left when the limit is passed
        let limit = if self.is_all { self.end + WORD } else { self.end - PADDING };
        (&self.buffer, self.next, limit.min(ROOM - WORD), self.bits)
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
