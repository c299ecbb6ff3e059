package dev.mpipool.benchmarks.executor;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/** What the executor is to reach, and whether it does. */
final class Aims {

  private static final List<String> PEERS = List.of("hazelcast", "ignite", "mpi4py");

  private final Results results;

  Aims(Results results) {
    this.results = results;
  }

  /** The table, as Markdown. */
  String table() {
    List<String> rows = new ArrayList<>();
    rows.add("| measure | aim | measured, tcpdev | met | niodev |");
    rows.add("| --- | --- | --- | --- | --- |");
    Optional<Double> peer =
        PEERS.stream().flatMap(name -> median(name, "throughput")).max(Double::compare);
    row(rows, "null tasks, against the best peer", true, 10, " x", "throughput", peer);
    row(rows, "null tasks a second", true, 300_000, "/s", "throughput", Optional.of(1.0));
    Optional<Double> items = results.median("mpi4py", "map");
    row(rows, "`map` untuned, against mpi4py's best chunk size", true, 1, " x", "map", items);
    ArrayRows.SHAPES.forEach(
        (length, count) -> {
          for (String to : List.of("scalar", "array")) {
            String key = "rows." + length + "." + to;
            String what =
                "%,d x `double[%d]` through `map`, to %s, against mpi4py"
                    .formatted(count, length, to.equals("array") ? "a row" : "a number");
            row(rows, what, false, 0.7, " x", key, results.median("mpi4py", key));
          }
        });
    rawRow(rows, "round trip, against raw MPJ", false, 1.3, "roundtrip");
    rawRow(rows, "64 MB there and back, against raw MPJ's bandwidth", true, 0.7, "payload.64MB");
    largeValues(rows);
    shortJobs(rows);
    row(rows, "METG(50 %)", false, 4, " us", "metg", Optional.of(1.0));
    row(rows, "mixed lengths, against greedy", false, 1.05, " x", "mixed", Optional.of(1.0));
    row(rows, "CPU of an idle rank", false, 1, " %", "idle.worker", Optional.of(1.0));
    withManyWorkers(rows);
    alone(
        rows,
        "a queued task, beyond the user's own objects",
        false,
        200,
        " bytes",
        results.median("simulated", "memory.null"));
    alone(
        rows,
        "multicore: null tasks, against ThreadPoolExecutor with the same serialization",
        true,
        0.75,
        " x",
        ratio("multicore", "throughput", "jdk", "throughput"));
    rows.add("");
    rows.add("| on Open MPI or MPICH | aim | Open MPI | met | MPICH |");
    rows.add("| --- | --- | --- | --- | --- |");
    onMachinesMpi(rows, "round trip", false, 12, " us", "roundtrip", Optional.of(1.0));
    onMachinesMpi(
        rows,
        "round trip, against mpi4py's",
        false,
        0.15,
        " x",
        "roundtrip",
        results.median("mpi4py", "roundtrip"));
    onMachinesMpi(
        rows,
        "null tasks, against tcpdev's",
        true,
        1,
        " x",
        "throughput",
        results.median("tcpdev", "throughput"));
    onMachinesMpi(
        rows,
        "null tasks, against mpi4py's",
        true,
        100,
        " x",
        "throughput",
        results.median("mpi4py", "throughput"));
    onMachinesMpi(
        rows,
        "64 MB there and back, against tcpdev's bandwidth",
        true,
        1.5,
        " x",
        "payload.64MB",
        results.median("tcpdev", "payload.64MB"));
    for (int length : ArrayRows.SHAPES.keySet()) {
      for (String to : List.of("scalar", "array")) {
        String key = "rows." + length + "." + to;
        onMachinesMpi(
            rows,
            "`double[%d]` through `map`, to %s, against mpi4py"
                .formatted(length, to.equals("array") ? "a row" : "a number"),
            false,
            0.5,
            " x",
            key,
            results.median("mpi4py", key));
      }
    }
    onMachinesMpi(rows, "CPU of an idle rank", false, 1, " %", "idle.worker", Optional.of(1.0));
    return String.join("\n", rows);
  }

  /** The rows of main's side with many workers, as a table of their own. */
  String tableOfWorkers() {
    List<String> rows = new ArrayList<>();
    rows.add("| measure | aim | measured | met |");
    rows.add("| --- | --- | --- | --- |");
    withManyWorkers(rows);
    rows.replaceAll(row -> row.replaceFirst(" \\|  \\|$", " |")); // there is no second device
    return String.join("\n", rows);
  }

  private void withManyWorkers(List<String> rows) {
    String name = ManyWorkers.NAME;
    alone(
        rows,
        "main's cost per task, 4,096 simulated workers against 2",
        false,
        1.2,
        " x",
        ratio(name, "cost.4096", name, "cost.2"));
    alone(
        rows,
        "tasks a second, 100,000 simulated workers",
        true,
        1_000_000,
        "/s",
        results.median(name, "wall.100000").map(micros -> 1e6 / micros));
    alone(
        rows,
        "main's memory for one of 100,000 simulated workers",
        false,
        1_000,
        " bytes",
        results.median(name, "memory.worker"));
    String loss =
        "a tenth of 4,096 busy simulated workers is lost at once: until all tasks are done";
    alone(rows, loss, false, 5, " s", results.median(name, "loss.4096.reported"));
    alone(
        rows,
        "the same, found by their silence (`heartbeatTimeout` of %d s)"
            .formatted(ManyWorkers.SILENCE.toSeconds()),
        false,
        5,
        " s",
        results.median(name, "loss.4096.silent"));
  }

  private void largeValues(List<String> rows) {
    ArrayRows.KINDS.keySet().stream()
        .skip(1)
        .forEach(
            kind -> {
              String what = "1,600 x `%s` through `map`, against `double[10000]`".formatted(kind);
              add(
                  rows,
                  what,
                  false,
                  1.3,
                  " x",
                  ratio("tcpdev", "kind." + kind, "tcpdev", "kind.double[10000]"),
                  ratio("niodev", "kind." + kind, "niodev", "kind.double[10000]"));
            });
    add(
        rows,
        "64 MB of `double[]` there and back, against raw MPJ's bandwidth",
        true,
        0.7,
        " x",
        ratio("tcpdev", "payload.doubles", "raw-tcpdev", "payload.64MB"),
        ratio("niodev", "payload.doubles", "raw-niodev", "payload.64MB"));
    for (String first : List.of("", ".first")) {
      String copies = "broadcast" + first + ".copies";
      add(
          rows,
          "broadcast of 200 MB%s, against a copy in memory for each worker"
              .formatted(first.isEmpty() ? "" : ", the first time"),
          false,
          first.isEmpty() ? 1.3 : 2,
          " x",
          ratio("tcpdev", "broadcast" + first, "tcpdev", copies),
          ratio("niodev", "broadcast" + first, "niodev", copies));
    }
  }

  private Stream<Double> median(String contestant, String key) {
    return results.median(contestant, key).stream();
  }

  private Optional<Double> ratio(String contestant, String key, String other, String otherKey) {
    return results
        .median(contestant, key)
        .flatMap(value -> results.median(other, otherKey).map(unit -> value / unit));
  }

  private void row(
      List<String> rows,
      String what,
      boolean atLeast,
      double aim,
      String unit,
      String key,
      Optional<Double> reference) {
    Optional<Double> ours = over(results.median("tcpdev", key), reference);
    Optional<Double> stock = over(results.median("niodev", key), reference);
    add(rows, what, atLeast, aim, unit, ours, stock);
  }

  private void onMachinesMpi(
      List<String> rows,
      String what,
      boolean atLeast,
      double aim,
      String unit,
      String key,
      Optional<Double> reference) {
    add(
        rows,
        what,
        atLeast,
        aim,
        unit,
        over(results.median("openmpi", key), reference),
        over(results.median("mpich", key), reference));
  }

  private void shortJobs(List<String> rows) {
    Optional<Double> one = Optional.of(1.0);
    row(rows, "from the command to the first result", false, 0.5, " s", "startup", one);
    shortJob(rows, "a short job, against mpi4py's", 0.25, "short.quiet");
    shortJob(rows, "the same beside two processes that spin", 0.5, "short.busy");
    row(rows, "half of full speed", false, 3, " s", "half", one);
  }

  private void shortJob(List<String> rows, String what, double aim, String key) {
    row(rows, what, false, aim, " x", key, results.median("mpi4py", key));
  }

  private static Optional<Double> over(Optional<Double> value, Optional<Double> reference) {
    return value.flatMap(v -> reference.map(r -> v / r));
  }

  private void rawRow(List<String> rows, String what, boolean atLeast, double aim, String key) {
    add(
        rows,
        what,
        atLeast,
        aim,
        " x",
        ratio("tcpdev", key, "raw-tcpdev", key),
        ratio("niodev", key, "raw-niodev", key));
  }

  private static void alone(
      List<String> rows,
      String what,
      boolean atLeast,
      double aim,
      String unit,
      Optional<Double> value) {
    add(rows, what, atLeast, aim, unit, value, Optional.empty());
  }

  private static void add(
      List<String> rows,
      String what,
      boolean atLeast,
      double aim,
      String unit,
      Optional<Double> value,
      Optional<Double> stock) {
    String bound = (atLeast ? "at least " : "at most ") + Results.number(aim) + unit;
    rows.add(
        "| %s | %s | %s | %s | %s |"
            .formatted(
                what,
                bound,
                value.map(v -> Results.number(v) + unit).orElse("not measured"),
                value.map(v -> verdict(v, atLeast, aim)).orElse("–"),
                stock.map(v -> Results.number(v) + unit).orElse("")));
  }

  private static String verdict(double value, boolean atLeast, double aim) {
    if (atLeast ? value >= aim : value <= aim) {
      return "yes";
    }
    double share = atLeast ? 1 - value / aim : value / aim - 1;
    return String.format(Locale.ROOT, "no, missed by %.0f %%", 100 * share);
  }
}
