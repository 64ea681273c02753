//! Every step and inspection in full: its evidence, its command, and what each rule consumed.

use unbroken_verify::{EvidenceAssessment, QueueTrace, RuleTrace};

use super::canvas::{Canvas, Ink, Span};
use super::{evidence, number};
use crate::report::Report;

/// Draws all items of all chains.
pub(super) fn draw(canvas: &mut Canvas, report: &Report) {
    for chain in report.chains() {
        for step in &chain.steps {
            heading(canvas, &chain.chain, &step.name);
            pieces(canvas, &step.evidence);
            command(canvas, &step.command);
            queue(canvas, "materials", &step.material_rules);
            queue(canvas, "products", &step.product_rules);
        }
        for inspection in &chain.inspections {
            heading(canvas, &chain.chain, &inspection.name);
            command(canvas, &inspection.run);
            for line in evidence::lines(&inspection.output) {
                canvas.line("    ", "      ", &[Span::plain(line)]);
            }
            queue(canvas, "materials", &inspection.material_rules);
            queue(canvas, "products", &inspection.product_rules);
        }
    }
}

fn heading(canvas: &mut Canvas, chain: &[String], name: &str) {
    let path: Vec<&str> = chain.iter().map(String::as_str).chain([name]).collect();
    canvas.blank();
    canvas.line("", "    ", &[Span::new(Ink::Strong, path.join("/"))]);
}

fn pieces(canvas: &mut Canvas, pieces: &[EvidenceAssessment]) {
    for piece in pieces {
        canvas.line("  ", "      ", &[Span::plain(evidence::piece(piece))]);
    }
}

fn command(canvas: &mut Canvas, command: &[String]) {
    if !command.is_empty() {
        canvas.line("  ", "      ", &[Span::plain(format!("command: {}", command.join(" ")))]);
    }
}

fn queue(canvas: &mut Canvas, side: &str, trace: &QueueTrace) {
    if trace.rules.is_empty() {
        return;
    }
    let head = format!("{side}: {}", number(trace.artifacts, "artifact"));
    canvas.line("  ", "      ", &[Span::plain(head)]);
    for RuleTrace { rule, consumed, left } in &trace.rules {
        let mut text = format!("{rule} · consumed {}, left {left}", consumed.count());
        if !consumed.first().is_empty() {
            text.push_str(": ");
            text.push_str(&consumed.first().join(", "));
        }
        if consumed.count() > consumed.first().len() {
            text.push_str(", …");
        }
        canvas.line("    ", "        ", &[Span::plain(text)]);
    }
}
