//! Square windows moving over images, and how an image lies in memory so that moving every window by one
//! position moves each of its pixels by one element.
//!
//! For a stride s the padded image is dealt out to s x s smaller ones, pixel (y, x) to image (y mod s, x mod
//! s): there neighbouring positions are neighbours whatever the stride.

use crate::model::kernel::direct::{PackedFilters, SLACK, correlate};

/// A window of `size` x `size` moving over an image by `stride`, from `top` rows above and `left` columns
/// beside it; what lies outside the image is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub size: usize,
    pub stride: usize,
    pub top: usize,
    pub left: usize,
    /// Of the image.
    pub height: usize,
    pub width: usize,
    /// Positions, downwards and across.
    pub rows: usize,
    pub columns: usize,
}

impl Window {
    pub fn positions(&self) -> usize {
        self.rows * self.columns
    }

    pub fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Rows of zeros below the image.
    pub fn bottom(&self) -> usize {
        ((self.rows - 1) * self.stride + self.size).saturating_sub(self.height + self.top)
    }

    /// Columns of zeros right of the image.
    pub fn right(&self) -> usize {
        ((self.columns - 1) * self.stride + self.size).saturating_sub(self.width + self.left)
    }

    /// The window of 3 x 3 that leads back, from positions to the image: its weights stand the other way
    /// round.
    pub fn transposed(&self) -> Option<Self> {
        let Self { size, stride, top, left, height, width, rows, columns } = *self;
        let back = Self { top: 2 - top.min(2), left: 2 - left.min(2), height: rows, width: columns, ..*self };
        (size == 3 && stride == 1 && top.max(left) < 3).then_some(Self {
            rows: height,
            columns: width,
            ..back
        })
    }

    /// The rows of the image a window in this row of positions covers.
    pub fn covered_rows(&self, row: usize) -> std::ops::Range<usize> {
        covered(row * self.stride, self.size, self.top, self.height)
    }

    /// The columns of the image a window in this column of positions covers.
    pub fn covered_columns(&self, column: usize) -> std::ops::Range<usize> {
        covered(column * self.stride, self.size, self.left, self.width)
    }
}

fn covered(from: usize, size: usize, before: usize, length: usize) -> std::ops::Range<usize> {
    from.saturating_sub(before).min(length)..(from + size).saturating_sub(before).min(length)
}

/// An image laid out for reading its windows.
pub struct WindowGather {
    window: Window,
    channels: usize,
    /// Elements from one row of positions to the next.
    pub pitch: usize,
    /// Of the dealt images together, for one channel.
    plane: usize,
    /// Of each tap: a channel and a pixel of the window.
    pub offsets: Vec<usize>,
    /// Of each position.
    pub places: Vec<usize>,
}

impl WindowGather {
    pub fn new(window: Window, channels: usize) -> Self {
        let Window { size, stride, rows, columns, .. } = window;
        let reach = (size - 1) / stride;
        let (deep, pitch) = (rows + reach, columns + reach);
        let plane = stride * stride * deep * pitch;
        let mut offsets = Vec::with_capacity(channels * size * size);
        for channel in 0..channels {
            for y in 0..size {
                for x in 0..size {
                    let dealt = (y % stride * stride + x % stride) * deep;
                    offsets.push(channel * plane + (dealt + y / stride) * pitch + x / stride);
                }
            }
        }
        let indices = (0..rows).flat_map(|row| (0..columns).map(move |column| row * pitch + column));
        let indices = indices.collect();
        Self { window, channels, pitch, plane, offsets, places: indices }
    }

    /// Room for an image, all zeros.
    pub fn zeros(&self) -> Vec<f32> {
        vec![0.0; self.channels * self.plane + SLACK]
    }

    /// From the first position to the last.
    pub fn length(&self) -> usize {
        (self.window.rows - 1) * self.pitch + self.window.columns
    }

    /// Puts an image into its room; the zeros around it stay as they are.
    pub fn fill(&self, image: &[f32], room: &mut [f32]) {
        let Window { size, stride, top, left, height, width, rows, .. } = self.window;
        let deep = rows + (size - 1) / stride;
        // What no window reaches is left out.
        let (lines, across) = (
            height.min((deep * stride).saturating_sub(top)),
            width.min((self.pitch * stride).saturating_sub(left)),
        );
        for (plane, room) in image.chunks_exact(height * width).zip(room.chunks_exact_mut(self.plane)) {
            for (y, line) in plane.chunks_exact(width).take(lines).enumerate() {
                let y = y + top;
                let row = y % stride * stride * deep + y / stride;
                if stride == 1 {
                    let from = row * self.pitch + left;
                    room[from..from + across].copy_from_slice(&line[..across]);
                    continue;
                }
                for (x, pixel) in line[..across].iter().enumerate() {
                    let x = x + left;
                    room[(row + x % stride * deep) * self.pitch + x / stride] = *pixel;
                }
            }
        }
    }
}

/// Values of positions laid out for spreading each over its window, where windows overlap as a sum: a
/// convolution's gradient, and a transposed convolution. Every dealt image is a sum of products on its
/// own, over the taps that meet it.
pub struct WindowScatter {
    window: Window,
    channels: usize,
    pitch: usize,
    deep: usize,
    /// Rows and columns of zeros before the positions.
    before: (usize, usize),
    phases: Vec<PixelPhase>,
}

/// The pixels of a dealt image.
struct PixelPhase {
    /// The first pixel of the image that belongs to it.
    first: (usize, usize),
    rows: usize,
    columns: usize,
    offsets: Vec<usize>,
    weights: PackedFilters,
}

impl WindowScatter {
    /// `channels` belong to a position, `filters` to a pixel; `weight` of a channel, a filter and a tap's row
    /// and column.
    pub fn new(
        window: Window,
        channels: usize,
        filters: usize,
        weight: impl Fn(usize, usize, usize, usize) -> f32,
    ) -> Self {
        let Window { size, stride, top, left, height, width, .. } = window;
        let reach = (size - 1) / stride;
        // Pixel p of the padded image meets position p / stride - tap / stride, which is as low as top /
        // stride - reach for the first pixel: so many rows of zeros stand before the first position.
        let before = (reach - (top / stride).min(reach), reach - (left / stride).min(reach));
        let deep = before.0 + window.rows.max((height - 1 + top) / stride + 1);
        let pitch = before.1 + window.columns.max((width - 1 + left) / stride + 1);
        let mut phases = Vec::new();
        for y in 0..stride.min(height) {
            for x in 0..stride.min(width) {
                let (own_y, own_x) = ((y + top) % stride, (x + left) % stride);
                let taps: Vec<(usize, usize)> = (own_y..size)
                    .step_by(stride)
                    .flat_map(|tap_y| (own_x..size).step_by(stride).map(move |tap_x| (tap_y, tap_x)))
                    .collect();
                let (from_y, from_x) = ((y + top) / stride + before.0, (x + left) / stride + before.1);
                let mut offsets = Vec::with_capacity(channels * taps.len());
                for channel in 0..channels {
                    offsets.extend(taps.iter().map(|(tap_y, tap_x)| {
                        (channel * deep + from_y - tap_y / stride) * pitch + from_x - tap_x / stride
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
        Self { window, channels, pitch, deep, before, phases }
    }

    /// Room for the values of all positions, all zeros.
    pub fn zeros(&self) -> Vec<f32> {
        vec![0.0; self.channels * self.deep * self.pitch + SLACK]
    }

    /// Puts the values of all positions, `[channels][positions]`, into their room.
    pub fn fill(&self, values: &[f32], room: &mut [f32]) {
        let Window { columns, .. } = self.window;
        let planes = room.chunks_exact_mut(self.deep * self.pitch);
        for (plane, room) in values.chunks_exact(self.window.positions()).zip(planes) {
            for (row, line) in plane.chunks_exact(columns).enumerate() {
                let from = (row + self.before.0) * self.pitch + self.before.1;
                room[from..from + columns].copy_from_slice(line);
            }
        }
    }

    /// The image, `[filters][pixels]`; `wide` is room to work in.
    pub fn sums(&self, room: &[f32], image: &mut [f32], wide: &mut Vec<f32>) {
        let Window { stride, width, .. } = self.window;
        for phase in &self.phases {
            let length = (phase.rows - 1) * self.pitch + phase.columns;
            let pitch = length + SLACK;
            wide.resize(wide.len().max(phase.weights.rows() * pitch), 0.0);
            let out = &mut wide[..phase.weights.rows() * pitch];
            correlate(&phase.weights, &phase.offsets, room, length, pitch, out);
            for (plane, wide) in image.chunks_exact_mut(self.window.pixels()).zip(wide.chunks_exact(pitch)) {
                for row in 0..phase.rows {
                    let from = (phase.first.0 + row * stride) * width + phase.first.1;
                    let line = &wide[row * self.pitch..][..phase.columns];
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
