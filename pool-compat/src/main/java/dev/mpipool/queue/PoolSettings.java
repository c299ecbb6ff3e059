package dev.mpipool.queue;

import java.io.Serializable;
import java.time.Duration;
import java.util.ArrayList;
import java.util.TreeMap;

/** The options of a {@link QueuePool}, in a form that travels. What is null has not been set. */
final class PoolSettings implements Serializable {

  private static final long serialVersionUID = 1;

  Scheduler scheduler;
  String java;
  ArrayList<String> javaOptions = new ArrayList<>();
  ArrayList<String> classPath;
  TreeMap<String, String> environment;
  String directory;
  String workFolder;
  String jobName = "mpipool";
  int chunks;
  int resubmissions = 10;
  Duration pollInterval;
  Duration fileDelay;
  Duration patience = Duration.ofMinutes(30);
  boolean keepWorkFolder;
  OnFailure onFailure = OnFailure.THROW;

  PoolSettings copy() {
    PoolSettings copy = new PoolSettings();
    copy.scheduler = scheduler;
    copy.java = java;
    copy.javaOptions = new ArrayList<>(javaOptions);
    copy.classPath = classPath == null ? null : new ArrayList<>(classPath);
    copy.environment = environment == null ? null : new TreeMap<>(environment);
    copy.directory = directory;
    copy.workFolder = workFolder;
    copy.jobName = jobName;
    copy.chunks = chunks;
    copy.resubmissions = resubmissions;
    copy.pollInterval = pollInterval;
    copy.fileDelay = fileDelay;
    copy.patience = patience;
    copy.keepWorkFolder = keepWorkFolder;
    copy.onFailure = onFailure;
    return copy;
  }
}
