//! Square windows moving over images, and a memory layout of images in which moving every window by one
//! position moves each of its pixels by one element.
//!
//! For stride s, the padded image is split into s x s *phases*: pixel (y, x) belongs to phase (y mod s, x mod
//! s). Within a phase, neighbouring positions of the window are neighbours for every stride.

use crate::model::kernel::direct::{PackedFilters, SLACK, correlate};

/// A window of `size` x `size` that moves over an image by `stride`. Its first position begins `top` rows
/// above and `left` columns to the left of the image; pixels outside the image are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Height and width.
    pub size: usize,
    /// Distance of neighbouring positions.
    pub stride: usize,
    /// Rows of padding above the image.
    pub top: usize,
    /// Columns of padding to the left of the image.
    pub left: usize,
    /// Height and width of the image.
    pub height: usize,
    /// Width of the image.
    pub width: usize,
    /// Rows and columns of positions: the size of the output.
    pub rows: usize,
    /// Positions per row.
    pub columns: usize,
}

impl Window {
    /// Number of positions.
    pub fn positions(&self) -> usize {
        self.rows * self.columns
    }

    /// Number of pixels of the image.
    pub fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Rows of padding below the image.
    pub fn bottom(&self) -> usize {
        ((self.rows - 1) * self.stride + self.size).saturating_sub(self.height + self.top)
    }

    /// Columns of padding to the right of the image.
    pub fn right(&self) -> usize {
        ((self.columns - 1) * self.stride + self.size).saturating_sub(self.width + self.left)
    }

    /// For a 3 x 3 window of stride 1, the window of the transposed convolution: it reads the positions and
    /// writes the image, with the weights rotated by 180 degrees.
    pub fn transposed(&self) -> Option<Self> {
        let Self { size, stride, top, left, height, width, rows, columns } = *self;
        let (top_padding, left_padding) = (2 - top.min(2), 2 - left.min(2));
        (size == 3 && stride == 1 && top.max(left) < 3).then_some(Self {
            top: top_padding,
            left: left_padding,
            height: rows,
            width: columns,
            rows: height,
            columns: width,
            ..*self
        })
    }

    /// Rows of the image that the window covers in this row of positions.
    pub fn covered_rows(&self, row: usize) -> std::ops::Range<usize> {
        covered(row * self.stride, self.size, self.top, self.height)
    }

    /// Columns of the image that the window covers in this column of positions.
    pub fn covered_columns(&self, column: usize) -> std::ops::Range<usize> {
        covered(column * self.stride, self.size, self.left, self.width)
    }
}

fn covered(from: usize, size: usize, before: usize, length: usize) -> std::ops::Range<usize> {
    from.saturating_sub(before).min(length)..(from + size).saturating_sub(before).min(length)
}

/// The memory layout of an image for reading its windows.
pub struct WindowGather {
    window: Window,
    channels: usize,
    /// Distance from one row of positions to the next.
    pub pitch: usize,
    /// Elements of all phases of one channel.
    plane: usize,
    /// Offset of each tap: a channel and a pixel of the window.
    pub offsets: Vec<usize>,
    /// Index of each position.
    pub positions: Vec<usize>,
}

impl WindowGather {
    /// The layout for images with this number of channels.
    pub fn new(window: Window, channels: usize) -> Self {
        let Window { size, stride, rows, columns, .. } = window;
        let reach = (size - 1) / stride;
        let (phase_rows, pitch) = (rows + reach, columns + reach);
        let plane = stride * stride * phase_rows * pitch;
        let mut offsets = Vec::with_capacity(channels * size * size);
        for channel in 0..channels {
            for y in 0..size {
                for x in 0..size {
                    let phase_row = (y % stride * stride + x % stride) * phase_rows;
                    offsets.push(channel * plane + (phase_row + y / stride) * pitch + x / stride);
                }
            }
        }
        let positions = (0..rows).flat_map(|row| (0..columns).map(move |column| row * pitch + column));
        let positions = positions.collect();
        Self { window, channels, pitch, plane, offsets, positions }
    }

    /// A buffer for an image in this layout, filled with zeros.
    pub fn zeros(&self) -> Vec<f32> {
        vec![0.0; self.channels * self.plane + SLACK]
    }

    /// Distance from the first position to the last, plus one.
    pub fn length(&self) -> usize {
        (self.window.rows - 1) * self.pitch + self.window.columns
    }

    /// Elements of one phase of one channel.
    pub fn phase_length(&self) -> usize {
        self.plane / (self.window.stride * self.window.stride)
    }

    /// Copies one channel of a buffer back to the pixels of an image of zeros; pixels that no window covers
    /// are unchanged.
    pub fn read_back(&self, buffer: &[f32], plane: &mut [f32]) {
        let Window { size, stride, top, left, width, rows, .. } = self.window;
        let (phase_rows, across) =
            (rows + (size - 1) / stride, width.min((self.pitch * stride).saturating_sub(left)));
        for (y, line) in plane.chunks_exact_mut(width).enumerate() {
            let y = y + top;
            if y >= phase_rows * stride {
                return;
            }
            let row = y % stride * stride * phase_rows + y / stride;
            for (x, pixel) in line[..across].iter_mut().enumerate() {
                let x = x + left;
                *pixel = buffer[(row + x % stride * phase_rows) * self.pitch + x / stride];
            }
        }
    }

    /// Copies an image `[channels][pixels]` into a buffer of `zeros`; the padding is unchanged.
    pub fn fill(&self, image: &[f32], buffer: &mut [f32]) {
        let Window { size, stride, top, left, height, width, rows, .. } = self.window;
        let phase_rows = rows + (size - 1) / stride;
        // Pixels that no window covers are left out.
        let (lines, across) = (
            height.min((phase_rows * stride).saturating_sub(top)),
            width.min((self.pitch * stride).saturating_sub(left)),
        );
        for (plane, buffer) in image.chunks_exact(height * width).zip(buffer.chunks_exact_mut(self.plane)) {
            for (y, line) in plane.chunks_exact(width).take(lines).enumerate() {
                let y = y + top;
                let row = y % stride * stride * phase_rows + y / stride;
                if stride == 1 {
                    let from = row * self.pitch + left;
                    buffer[from..from + across].copy_from_slice(&line[..across]);
                    continue;
                }
                for (x, pixel) in line[..across].iter().enumerate() {
                    let x = x + left;
                    buffer[(row + x % stride * phase_rows) * self.pitch + x / stride] = *pixel;
                }
            }
        }
    }
}

/// The memory layout of the values of positions for a transposed convolution, or the gradient of a
/// convolution: each value times the weights is added to its window. Every phase of the image is a direct
/// convolution of its own, over the taps that meet it.
pub struct WindowScatter {
    window: Window,
    channels: usize,
    pitch: usize,
    phase_rows: usize,
    /// Rows and columns of padding before the positions.
    before: (usize, usize),
    phases: Vec<PixelPhase>,
}

/// The pixels of one phase of the image.
struct PixelPhase {
    /// Row and column of its first pixel in the image.
    first: (usize, usize),
    rows: usize,
    columns: usize,
    offsets: Vec<usize>,
    weights: PackedFilters,
}

impl WindowScatter {
    /// The layout for positions with `channels` and an image with `filters` channels. `weight` returns the
    /// weight of a channel, a filter, and a row and a column of the window.
    pub fn new(
        window: Window,
        channels: usize,
        filters: usize,
        weight: impl Fn(usize, usize, usize, usize) -> f32,
    ) -> Self {
        let Window { size, stride, top, left, height, width, .. } = window;
        let reach = (size - 1) / stride;
        // Pixel p of the padded image meets position p / stride - tap / stride. For the first pixel this is
        // at least top / stride - reach: that many rows of padding precede the first position.
        let before = (reach - (top / stride).min(reach), reach - (left / stride).min(reach));
        let phase_rows = before.0 + window.rows.max((height - 1 + top) / stride + 1);
        let pitch = before.1 + window.columns.max((width - 1 + left) / stride + 1);
        let mut phases = Vec::new();
        for y in 0..stride.min(height) {
            for x in 0..stride.min(width) {
                let (phase_y, phase_x) = ((y + top) % stride, (x + left) % stride);
                let taps: Vec<(usize, usize)> = (phase_y..size)
                    .step_by(stride)
                    .flat_map(|tap_y| (phase_x..size).step_by(stride).map(move |tap_x| (tap_y, tap_x)))
                    .collect();
                let (from_y, from_x) = ((y + top) / stride + before.0, (x + left) / stride + before.1);
                let mut offsets = Vec::with_capacity(channels * taps.len());
                for channel in 0..channels {
                    offsets.extend(taps.iter().map(|(tap_y, tap_x)| {
                        (channel * phase_rows + from_y - tap_y / stride) * pitch + from_x - tap_x / stride
                    }));
                }
                let weights = PackedFilters::new(filters, channels * taps.len(), |filter, tap| {
                    let (tap_y, tap_x) = taps[tap % taps.len()];
                    weight(tap / taps.len(), filter, tap_y, tap_x)
                });
                let (rows, columns) = ((height - y).div_ceil(stride), (width - x).div_ceil(stride));
                phases.push(PixelPhase { first: (y, x), rows, columns, offsets, weights });
            }
        }
        Self { window, channels, pitch, phase_rows, before, phases }
    }

    /// A buffer for the values of all positions in this layout, filled with zeros.
    pub fn zeros(&self) -> Vec<f32> {
        vec![0.0; self.channels * self.phase_rows * self.pitch + SLACK]
    }

    /// Copies the values of all positions, `[channels][positions]`, into a buffer of `zeros`.
    pub fn fill(&self, values: &[f32], buffer: &mut [f32]) {
        let Window { columns, .. } = self.window;
        let planes = buffer.chunks_exact_mut(self.phase_rows * self.pitch);
        for (plane, buffer) in values.chunks_exact(self.window.positions()).zip(planes) {
            for (row, line) in plane.chunks_exact(columns).enumerate() {
                let from = (row + self.before.0) * self.pitch + self.before.1;
                buffer[from..from + columns].copy_from_slice(line);
            }
        }
    }

    /// Computes the image `[filters][pixels]` from a filled buffer; `scratch` is working memory.
    pub fn sums(&self, buffer: &[f32], image: &mut [f32], scratch: &mut Vec<f32>) {
        let Window { stride, width, .. } = self.window;
        for phase in &self.phases {
            let length = (phase.rows - 1) * self.pitch + phase.columns;
            let pitch = length + SLACK;
            scratch.resize(scratch.len().max(phase.weights.rows() * pitch), 0.0);
            let out = &mut scratch[..phase.weights.rows() * pitch];
            correlate(&phase.weights, &phase.offsets, buffer, length, pitch, out);
            for (plane, scratch) in
                image.chunks_exact_mut(self.window.pixels()).zip(scratch.chunks_exact(pitch))
            {
                for row in 0..phase.rows {
                    let from = (phase.first.0 + row * stride) * width + phase.first.1;
                    let line = &scratch[row * self.pitch..][..phase.columns];
                    if stride == 1 {
                        plane[from..from + phase.columns].copy_from_slice(line);
                        continue;
                    }
                    for (pixel, value) in plane[from..].iter_mut().step_by(stride).zip(line) {
                        *pixel = *value;
                    }
                }
            }
        }
    }
}
