//! Tables that keep to the width of the terminal: a cell that is too long goes on below.

use std::collections::BTreeMap;

use super::screen::{Screen, Tone};

/// A table with a heading. A cell may hold several lines.
#[derive(Debug)]
pub(super) struct Table {
    rows: Vec<Vec<String>>,
    /// The cells that have a tone of their own, by row and column.
    tones: BTreeMap<(usize, usize), Tone>,
}

impl Table {
    pub(super) fn new<const N: usize>(heading: [&str; N]) -> Self {
        Self {
            rows: vec![heading.map(str::to_owned).to_vec()],
            tones: BTreeMap::new(),
        }
    }

    pub(super) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// Gives a cell of the last row a tone.
    pub(super) fn tone(&mut self, column: usize, tone: Tone) {
        self.tones.insert((self.rows.len() - 1, column), tone);
    }

    /// The table as lines, the heading quiet and the first column strong.
    pub(super) fn text(&self, screen: &Screen) -> String {
        let widths = self.widths(screen.width().saturating_sub(INDENT));
        let mut lines = Vec::new();
        for (number, row) in self.rows.iter().enumerate() {
            let cells: Vec<_> = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| wrap(cell, *width))
                .collect();
            let height = cells.iter().map(Vec::len).max().unwrap_or_default();
            let tones: Vec<_> = (0..row.len())
                .map(|column| self.tone_of(number, column))
                .collect();
            for at in 0..height {
                lines.push(line(screen, &tones, &cells, &widths, at));
            }
        }
        lines.join("\n")
    }

    fn tone_of(&self, row: usize, column: usize) -> Option<Tone> {
        match (row, column) {
            (0, _) => Some(Tone::Quiet),
            (_, 0) => Some(Tone::Strong),
            cell => self.tones.get(&cell).copied(),
        }
    }

    /// Columns are as wide as their cells. What does not fit is taken from the last column first,
    /// then from the one before it, each down to a share that still reads well.
    fn widths(&self, room: usize) -> Vec<usize> {
        let columns = self.rows.first().map_or(0, Vec::len);
        let widest = |column: usize| {
            let cells = self.rows.iter().map(|row| row[column].as_str());
            cells
                .flat_map(str::lines)
                .map(|line| line.chars().count())
                .max()
                .unwrap_or_default()
        };
        let mut widths: Vec<_> = (0..columns).map(widest).collect();
        let room = room.saturating_sub(GAP * columns.saturating_sub(1));
        for column in (0..columns).rev() {
            let excess = widths.iter().sum::<usize>().saturating_sub(room);
            let least = widths[column].min(LEAST);
            widths[column] = widths[column].saturating_sub(excess).max(least);
        }
        widths
    }
}

fn line(
    screen: &Screen,
    tones: &[Option<Tone>],
    cells: &[Vec<String>],
    widths: &[usize],
    at: usize,
) -> String {
    let mut line = " ".repeat(INDENT);
    let last = cells.len().saturating_sub(1);
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let text = cell.get(at).map(String::as_str).unwrap_or_default();
        line += &match tones[column] {
            Some(tone) => screen.paint(tone, text),
            None => text.to_owned(),
        };
        if column < last {
            line += &" ".repeat(width - text.chars().count() + GAP);
        }
    }
    line.trim_end().to_owned()
}

/// Breaks each line of a text at its spaces, and a longer word where it has to be.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut current = String::new();
        for word in line.split(' ') {
            let used = current.chars().count();
            if used > 0 && used + 1 + word.chars().count() > width {
                lines.push(std::mem::take(&mut current));
            }
            if !current.is_empty() {
                current.push(' ');
            }
            for letter in word.chars() {
                if current.chars().count() >= width.max(1) {
                    lines.push(std::mem::take(&mut current));
                }
                current.push(letter);
            }
        }
        lines.push(current);
    }
    lines
}

const INDENT: usize = 2;
const GAP: usize = 2;
/// No column is squeezed below this.
const LEAST: usize = 18;

#[cfg(test)]
mod tests {
    use clap::ColorChoice;

    use super::*;

    #[test]
    fn words_stay_whole_where_they_fit() {
        assert_eq!(
            wrap("anyone: load balancers carry no token", 16),
            ["anyone: load", "balancers carry", "no token"]
        );
    }

    #[test]
    fn a_word_that_fits_nowhere_is_cut() {
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
    }

    #[test]
    fn no_line_is_wider_than_the_screen() {
        let screen = Screen::new(ColorChoice::Never, false);
        let mut table = Table::new(["NAME", "WHERE", "WHO"]);
        table.row([
            "create-order".to_owned(),
            "POST /api/a/route/that/goes/on/and/on/for/much/longer/than/anyone/would/like"
                .to_owned(),
            "scope Orders.Write or role Orders.Write.All or any of quite a few others".to_owned(),
        ]);

        let text = table.text(&screen);

        for line in text.lines() {
            assert!(line.chars().count() <= screen.width(), "{line}");
        }
        assert!(text.lines().count() > 2, "{text}");
    }
}
