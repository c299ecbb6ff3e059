package dev.mpipool.queue;

import dev.mpipool.SerializableFunction;
import dev.mpipool.files.WholeFile;
import dev.mpipool.protocol.FailureReport;
import dev.mpipool.protocol.FailureReport.Origin;
import dev.mpipool.serial.JavaSerializer;
import dev.mpipool.serial.LeanSerializer;
import dev.mpipool.serial.Serializer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What a job runs: the tasks of one chunk, one after the other. Arguments: the work folder, and the
 * chunk's number.
 *
 * <p>Not for programs: the worker script of a {@link QueuePool} starts it. A task that throws is a
 * result like others; only what keeps the chunk from having results at all (a file that cannot be
 * read, a class that is not there) ends the process with an exit code other than 0.
 */
public final class Worker {

  private final Serializer serializer =
      new LeanSerializer(new JavaSerializer(Worker.class.getClassLoader()));
  private final WorkFolder folder;
  private final int chunk;

  private Worker(WorkFolder folder, int chunk) {
    this.folder = folder;
    this.chunk = chunk;
  }

  /**
   * Runs a chunk and ends the process.
   *
   * @param args the work folder, and the chunk's number
   * @throws Exception if there is no result to be had
   */
  public static void main(String[] args) throws Exception {
    endWithParent();
    System.setProperty(
        "MPI_DISABLE", "1"); // a job's own process, whatever the scheduler started it with
    int code = 0;
    try {
      new Worker(new WorkFolder(Path.of(args[0])), Integer.parseInt(args[1])).run();
    } catch (Throwable e) {
      e.printStackTrace();
      code = 1;
    }
    System.out.flush();
    System.exit(code); // whatever threads the tasks have left behind, the slot is free again
  }

  /** A local job ends with the process that submitted it, also when that was killed. */
  private static void endWithParent() {
    String parent = System.getenv(LocalScheduler.PARENT);
    if (parent != null) {
      ProcessHandle.of(Long.parseLong(parent))
          .orElseThrow(() -> new IllegalStateException("Process %s is gone".formatted(parent)))
          .onExit()
          .thenRun(() -> Runtime.getRuntime().halt(1));
    }
  }

  @SuppressWarnings("unchecked") // whatever it takes and returns, it is called with its own tasks
  private void run() throws Exception {
    byte[] encoded = WholeFile.readChecked(folder.function());
    SerializableFunction<Object, Object> function =
        (SerializableFunction<Object, Object>) serializer.decode(ByteBuffer.wrap(encoded));
    ChunkFile.Content tasks = ChunkFile.read(folder.tasks(chunk));
    List<ChunkFile.Part> results = new ArrayList<>();
    for (ChunkFile.Part task : tasks.parts()) {
      results.add(call(function, tasks.first() + results.size(), task.body()));
    }
    ChunkFile.write(folder.results(chunk), new ChunkFile.Content(tasks.first(), results));
  }

  private ChunkFile.Part call(
      SerializableFunction<Object, Object> function, int index, ByteBuffer task)
      throws IOException {
    Origin origin = Origin.READING_TASK;
    try {
      Object argument = serializer.decode(task);
      origin = Origin.TASK;
      Object result = function.apply(argument);
      origin = Origin.WRITING_RESULT;
      return new ChunkFile.Part(ChunkFile.RESULT, serializer.encode(result));
    } catch (Throwable e) {
      System.err.printf("Task %d failed: ", index);
      e.printStackTrace();
      FailureReport report = FailureReport.of(origin, e, serializer);
      return new ChunkFile.Part(ChunkFile.FAILURE, report.encode());
    }
  }
}
