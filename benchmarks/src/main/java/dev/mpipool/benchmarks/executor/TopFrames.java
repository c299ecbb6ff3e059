package dev.mpipool.benchmarks.executor;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordedFrame;
import jdk.jfr.consumer.RecordedThread;
import jdk.jfr.consumer.RecordingFile;

/**
 * Prints where the samples of a flight recording were taken: for each thread its share, and the
 * methods at the top of the stack, with the nearest caller that is ours.
 */
public final class TopFrames {

  private static final int MOST = 12;

  private TopFrames() {}

  /**
   * Prints.
   *
   * @param args the recording
   * @throws IOException if it cannot be read
   */
  public static void main(String[] args) throws IOException {
    Map<String, Map<String, Integer>> threads = new TreeMap<>();
    int all = 0;
    for (RecordedEvent event : RecordingFile.readAllEvents(Path.of(args[0]))) {
      String type = event.getEventType().getName();
      boolean sample = type.equals("jdk.ExecutionSample") || type.equals("jdk.NativeMethodSample");
      RecordedThread thread = sample ? event.getThread("sampledThread") : null;
      if (thread != null && thread.getJavaName() != null && event.getStackTrace() != null) {
        List<RecordedFrame> frames = event.getStackTrace().getFrames();
        if (isWaiting(frames.get(0))) {
          continue;
        }
        threads
            .computeIfAbsent(thread.getJavaName(), name -> new HashMap<>())
            .merge(describe(frames), 1, Integer::sum);
        all++;
      }
    }
    System.out.println(Path.of(args[0]).getFileName() + ": " + all + " samples");
    for (Map.Entry<String, Map<String, Integer>> thread : threads.entrySet()) {
      print(thread.getKey(), thread.getValue(), all);
    }
  }

  /** Native methods are sampled while they wait, too. */
  private static boolean isWaiting(RecordedFrame top) {
    return List.of("epollWait", "wait", "poll", "accept", "park")
        .contains(top.getMethod().getName());
  }

  private static String describe(List<RecordedFrame> frames) {
    String top = name(frames.get(0));
    if (isOurs(top)) {
      return top;
    }
    return frames.stream()
        .map(TopFrames::name)
        .filter(TopFrames::isOurs)
        .findFirst()
        .map(ours -> top + " <- " + ours)
        .orElse(top);
  }

  private static boolean isOurs(String name) {
    return name.startsWith("dev.mpipool.");
  }

  private static String name(RecordedFrame frame) {
    return frame.getMethod().getType().getName() + "." + frame.getMethod().getName();
  }

  private static void print(String thread, Map<String, Integer> frames, int all) {
    int sum = frames.values().stream().mapToInt(Integer::intValue).sum();
    System.out.printf(Locale.ROOT, "  %s: %.0f %%%n", thread, 100.0 * sum / all);
    List<Map.Entry<String, Integer>> sorted = new ArrayList<>(frames.entrySet());
    sorted.sort(Map.Entry.<String, Integer>comparingByValue().reversed());
    sorted.stream()
        .limit(MOST)
        .forEach(
            e ->
                System.out.printf(
                    Locale.ROOT, "    %5.1f %%  %s%n", 100.0 * e.getValue() / all, e.getKey()));
  }
}
