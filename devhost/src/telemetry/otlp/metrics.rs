//! Metrics: each point is an item of its own, with its last value.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Metric as Wire, NumberDataPoint,
};
use serde_json::{Value, json};

use super::{From, attributes_of};
use crate::telemetry::record::{Batch, Content, Metric, Signal, Time};

/// A point of whichever kind.
struct Point {
    attributes: Vec<KeyValue>,
    start: u64,
    time: u64,
    value: f64,
    count: Option<u64>,
    more: Value,
}

impl Batch {
    pub(super) fn take_metric(&mut self, from: &From<'_>, metric: Wire) {
        let Some((kind, temporality, points)) = metric.data.map(points) else {
            return self.reject(Signal::Metrics, "a metric has no data");
        };
        for point in points {
            let attributes = attributes_of(point.attributes);
            let said = json!({
                "name": metric.name,
                "unit": metric.unit,
                "kind": kind,
                "temporality": temporality,
                "startTimeUnixNano": point.start.to_string(),
                "timeUnixNano": point.time.to_string(),
                "value": point.value,
                "count": point.count,
                "more": point.more,
                "attributes": attributes,
                "scope": from.scope,
                "resource": from.resource,
            });
            let content = Content::Metric(Metric {
                name: metric.name.clone(),
                time: Time(point.time),
                value: point.value,
                count: point.count,
                attributes,
            });
            self.push(&said, content);
        }
    }
}

/// What a metric is, how its points follow each other, and the points.
fn points(data: Data) -> (&'static str, Option<&'static str>, Vec<Point>) {
    match data {
        Data::Gauge(gauge) => ("gauge", None, numbers(gauge.data_points)),
        Data::Sum(sum) => (
            "sum",
            Some(temporality(sum.aggregation_temporality)),
            numbers(sum.data_points),
        ),
        Data::Histogram(histogram) => {
            let points = histogram.data_points.into_iter().map(|point| Point {
                attributes: point.attributes,
                start: point.start_time_unix_nano,
                time: point.time_unix_nano,
                value: point.sum.unwrap_or_default(),
                count: Some(point.count),
                more: json!({
                    "min": point.min,
                    "max": point.max,
                    "bucketCounts": point.bucket_counts,
                    "explicitBounds": point.explicit_bounds,
                }),
            });
            (
                "histogram",
                Some(temporality(histogram.aggregation_temporality)),
                points.collect(),
            )
        }
        Data::ExponentialHistogram(histogram) => {
            let points = histogram.data_points.into_iter().map(|point| Point {
                attributes: point.attributes,
                start: point.start_time_unix_nano,
                time: point.time_unix_nano,
                value: point.sum.unwrap_or_default(),
                count: Some(point.count),
                more: json!({"min": point.min, "max": point.max, "scale": point.scale}),
            });
            (
                "exponentialHistogram",
                Some(temporality(histogram.aggregation_temporality)),
                points.collect(),
            )
        }
        Data::Summary(summary) => {
            let points = summary.data_points.into_iter().map(|point| Point {
                attributes: point.attributes,
                start: point.start_time_unix_nano,
                time: point.time_unix_nano,
                value: point.sum,
                count: Some(point.count),
                more: Value::Null,
            });
            ("summary", None, points.collect())
        }
    }
}

fn numbers(points: Vec<NumberDataPoint>) -> Vec<Point> {
    let points = points.into_iter().map(|point| Point {
        attributes: point.attributes,
        start: point.start_time_unix_nano,
        time: point.time_unix_nano,
        value: match point.value {
            Some(Number::AsDouble(number)) => number,
            // Beyond 2^53 the last digits are lost, which nobody counts here.
            Some(Number::AsInt(number)) => number as f64,
            None => 0.0,
        },
        count: None,
        more: Value::Null,
    });
    points.collect()
}

fn temporality(number: i32) -> &'static str {
    AggregationTemporality::try_from(number)
        .unwrap_or(AggregationTemporality::Unspecified)
        .as_str_name()
}
