package dev.mpipool.benchmarks.executor;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.BitmapEncoder.BitmapFormat;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler.LegendPosition;

/** Draws results.csv: throughput and latency of the contestants, efficiency, main's cost. */
public final class Plots {

  private static final int WIDTH = 900;
  private static final int HEIGHT = 500;

  private static final List<String> CONTESTANTS =
      List.of("tcpdev", "niodev", "multicore", "jdk", "hazelcast", "ignite", "mpi4py");

  /** All values by contestant and measure. */
  private final Map<String, Map<String, List<Double>>> values = new TreeMap<>();

  private final Path folder;

  private Plots(Path folder) throws IOException {
    this.folder = folder;
    List<String> lines = Files.readAllLines(folder.resolve("results.csv"));
    for (String line : lines.subList(1, lines.size())) {
      List<String> fields = Arrays.asList(line.split(",", -1));
      values
          .computeIfAbsent(fields.get(1), name -> new TreeMap<>())
          .computeIfAbsent(fields.get(2), name -> new ArrayList<>())
          .add(Double.valueOf(fields.get(3)));
    }
  }

  /**
   * Draws.
   *
   * @param args the folder of results.csv, which gets the plots
   * @throws IOException if files cannot be read or written
   */
  public static void main(String[] args) throws IOException {
    Plots plots = new Plots(Path.of(args[0]));
    plots.bars("throughput", "Null tasks through submit, one future each", "tasks/s");
    plots.bars("roundtrip", "Round trip of a lone task", "us");
    plots.bars("metg", "METG(50 %): the task length at which half of the time is useful", "us");
    plots.efficiency();
    plots.cost();
  }

  private double median(String contestant, String key) {
    List<Double> all =
        values.getOrDefault(contestant, Map.of()).getOrDefault(key, List.of()).stream()
            .sorted()
            .toList();
    int n = all.size();
    return n == 0 ? Double.NaN : (all.get((n - 1) / 2) + all.get(n / 2)) / 2;
  }

  private void bars(String key, String title, String unit) throws IOException {
    List<String> names = new ArrayList<>();
    List<Double> medians = new ArrayList<>();
    for (String contestant : CONTESTANTS) {
      double median = median(contestant, key);
      if (!Double.isNaN(median)) {
        names.add(contestant);
        medians.add(median);
      }
    }
    if (names.isEmpty()) {
      return;
    }
    CategoryChart chart =
        new CategoryChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(title)
            .yAxisTitle(unit)
            .build();
    chart.getStyler().setYAxisLogarithmic(true).setLegendVisible(false);
    chart.getStyler().setYAxisDecimalPattern("#,###.###");
    chart.getStyler().setPlotGridVerticalLinesVisible(false);
    double least = medians.stream().min(Double::compare).orElseThrow();
    chart.getStyler().setYAxisMin(Math.pow(10, Math.floor(Math.log10(least) - 0.01)));
    chart.getStyler().setLabelsVisible(true).setLabelsPosition(0.95);
    chart.addSeries(key, names, medians);
    save(chart, key);
  }

  /** The share of useful time, by the length of the tasks. */
  private void efficiency() throws IOException {
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title("Useful share of the workers' time, by task length")
            .xAxisTitle("task length (us)")
            .yAxisTitle("efficiency")
            .build();
    chart.getStyler().setXAxisLogarithmic(true).setLegendPosition(LegendPosition.OutsideE);
    chart.getStyler().setYAxisMin(0.0).setYAxisMax(1.05).setXAxisDecimalPattern("#,###");
    for (String contestant : CONTESTANTS) {
      Map<Double, Double> points = points(contestant, "efficiency.");
      if (!points.isEmpty()) {
        chart.addSeries(
            contestant, new ArrayList<>(points.keySet()), new ArrayList<>(points.values()));
      }
    }
    if (!chart.getSeriesMap().isEmpty()) {
      save(chart, "efficiency");
    }
  }

  private void cost() throws IOException {
    Map<Double, Double> points = points("simulated", "cost.");
    if (points.isEmpty()) {
      return;
    }
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title("Main's processor time per task, by the number of workers")
            .xAxisTitle("simulated workers")
            .yAxisTitle("us")
            .build();
    chart.getStyler().setXAxisLogarithmic(true).setYAxisMin(0.0).setLegendVisible(false);
    chart.getStyler().setXAxisDecimalPattern("#,###");
    chart.addSeries("cost", new ArrayList<>(points.keySet()), new ArrayList<>(points.values()));
    save(chart, "cost");
  }

  private Map<Double, Double> points(String contestant, String prefix) {
    Map<Double, Double> points = new TreeMap<>();
    for (String key : values.getOrDefault(contestant, Map.of()).keySet()) {
      if (key.startsWith(prefix) && key.substring(prefix.length()).matches("[0-9]+")) {
        points.put(Double.valueOf(key.substring(prefix.length())), median(contestant, key));
      }
    }
    return points;
  }

  private void save(org.knowm.xchart.internal.chartpart.Chart<?, ?> chart, String name)
      throws IOException {
    BitmapEncoder.saveBitmap(chart, folder.resolve(name).toString(), BitmapFormat.PNG);
  }
}
