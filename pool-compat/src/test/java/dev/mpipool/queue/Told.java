package dev.mpipool.queue;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Notes what a pool tells. */
final class Told implements Progress {

  final List<JobCounts> counts = new CopyOnWriteArrayList<>();
  final List<String> messages = new CopyOnWriteArrayList<>();

  @Override
  public void changed(JobCounts now) {
    counts.add(now);
  }

  @Override
  public void message(String text) {
    messages.add(text);
  }
}
