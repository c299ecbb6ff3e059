package dev.mpipool.launcher;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.Charset;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Keeps the lines apart that ranks print which share a JVM: each thread's bytes belong to the rank
 * of its thread group.
 */
final class RankOutput extends OutputStream {
  private final LineSink sink;
  private final boolean tagged;
  private final Map<ThreadGroup, Integer> ranks;
  private final Map<Integer, Lines> lines = new ConcurrentHashMap<>();
  private volatile boolean closing;

  private RankOutput(FileDescriptor descriptor, boolean tagged, Map<ThreadGroup, Integer> ranks) {
    this.sink = new LineSink(new FileOutputStream(descriptor));
    this.tagged = tagged;
    this.ranks = ranks;
  }

  /** Takes System.out and System.err over. */
  static void install(Map<ThreadGroup, Integer> ranks, boolean tagged) {
    RankOutput out = new RankOutput(FileDescriptor.out, tagged, ranks);
    RankOutput err = new RankOutput(FileDescriptor.err, tagged, ranks);
    System.setOut(out.printer("stdout.encoding"));
    System.setErr(err.printer("stderr.encoding"));
    Runtime.getRuntime().addShutdownHook(new Thread(out::flushAll, "mpipool-stdout"));
    Runtime.getRuntime().addShutdownHook(new Thread(err::flushAll, "mpipool-stderr"));
  }

  @Override
  public void write(int b) {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int from, int length) {
    Lines mine = lines.computeIfAbsent(rank(), rank -> new Lines(tag(rank)));
    synchronized (mine) {
      mine.add(bytes, from, length);
      sink.write(mine, closing ? mine.takeAll() : mine.takeWhole());
    }
  }

  private PrintStream printer(String encoding) {
    String name = System.getProperty(encoding, System.getProperty("sun." + encoding));
    return new PrintStream(
        this, true, name == null ? Charset.defaultCharset() : Charset.forName(name));
  }

  /** From now on lines without an end go out too: other shutdown hooks may still print. */
  private void flushAll() {
    closing = true;
    lines
        .values()
        .forEach(
            each -> {
              synchronized (each) {
                sink.write(each, each.takeAll());
              }
            });
  }

  private int rank() {
    for (ThreadGroup group = Thread.currentThread().getThreadGroup();
        group != null;
        group = group.getParent()) {
      Integer rank = ranks.get(group);
      if (rank != null) {
        return rank;
      }
    }
    return -1;
  }

  private byte[] tag(int rank) {
    return tagged && rank >= 0 ? Tags.of(rank) : new byte[0];
  }
}
