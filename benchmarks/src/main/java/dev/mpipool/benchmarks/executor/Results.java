package dev.mpipool.benchmarks.executor;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** All figures of a run, by contestant and key, in the order in which they came. */
final class Results {

  private record Raw(int round, Lines.Figure figure) {}

  private final List<Raw> raw = new ArrayList<>();
  private final Map<String, Map<String, List<Double>>> values = new LinkedHashMap<>();
  private final Map<String, String> failures = new LinkedHashMap<>();

  void add(int round, Lines.Figure figure) {
    raw.add(new Raw(round, figure));
    values
        .computeIfAbsent(figure.contestant(), name -> new LinkedHashMap<>())
        .computeIfAbsent(figure.key(), name -> new ArrayList<>())
        .add(figure.value());
  }

  void failed(String contestant, String why) {
    failures.put(contestant, why);
  }

  Map<String, String> failures() {
    return failures;
  }

  private List<Double> sorted(String contestant, String key) {
    return values.getOrDefault(contestant, Map.of()).getOrDefault(key, List.of()).stream()
        .sorted()
        .toList();
  }

  Optional<Double> median(String contestant, String key) {
    List<Double> all = sorted(contestant, key);
    int n = all.size();
    return n == 0 ? Optional.empty() : Optional.of((all.get((n - 1) / 2) + all.get(n / 2)) / 2);
  }

  /** The median and, in parentheses, the least and the most; a dash if there is nothing. */
  String cell(String contestant, String key) {
    List<Double> all = sorted(contestant, key);
    if (all.isEmpty()) {
      return "–";
    }
    String median = number(median(contestant, key).orElseThrow());
    return all.size() == 1
        ? median
        : "%s (%s–%s)".formatted(median, number(all.get(0)), number(all.get(all.size() - 1)));
  }

  /** A number with three digits that count, or all before the point. */
  static String number(double value) {
    double size = Math.abs(value);
    String form = size >= 100 ? "%,.0f" : size >= 10 ? "%.1f" : size >= 1 ? "%.2f" : "%.3f";
    return String.format(Locale.ROOT, form, value);
  }

  /** Every figure, one a line. */
  String csv() {
    StringBuilder csv = new StringBuilder("round,contestant,measure,value\n");
    for (Raw each : raw) {
      Lines.Figure figure = each.figure;
      csv.append(
          String.format(
              Locale.ROOT,
              "%d,%s,%s,%s%n",
              each.round,
              figure.contestant(),
              figure.key(),
              figure.value()));
    }
    return csv.toString();
  }
}
