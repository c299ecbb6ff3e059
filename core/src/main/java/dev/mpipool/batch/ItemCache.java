package dev.mpipool.batch;

import dev.mpipool.files.ResultFolder;
import dev.mpipool.files.TaskList;
import dev.mpipool.serial.Serializer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Caches results of a batch's items in a folder: finds those of earlier batches, and saves those of
 * this one. An item is identified by its index and a hash of its encoded arguments.
 */
final class ItemCache {

  private final ResultFolder results;
  private final Serializer serializer;

  /** The fingerprints of items without a saved result, by index. */
  private final Map<Long, Long> fingerprints = new ConcurrentHashMap<>();

  /** Claims the folder for this batch. */
  ItemCache(Path folder, Serializer serializer) throws IOException {
    this.serializer = serializer;
    results = new ResultFolder(folder, "a batch cached in " + folder.toAbsolutePath());
    for (TaskList found : results.found()) {
      if (!found.equals(TaskList.open())) {
        results.close();
        throw new IOException(folder + " has the results of something else than a batch");
      }
    }
    results.begin(TaskList.open());
  }

  /** A saved result, which may be null. */
  record Known(Object result) {}

  /**
   * The saved result of an item; if there is none, prepares for {@link #save}.
   *
   * @throws IllegalStateException if the result is that of another item
   */
  Optional<Known> find(long index, Object[] item) throws Exception {
    long fingerprint;
    try {
      fingerprint = fingerprint(item);
    } catch (Exception e) {
      return Optional.empty(); // the item cannot be sent either, which is its outcome
    }
    if (!results.has(index)) {
      fingerprints.put(index, fingerprint);
      return Optional.empty();
    }
    if (results.fingerprint(index) != fingerprint) {
      throw new IllegalStateException(
          ("%s has a result for another element %d than %s. Remove the folder, or take one of its"
                  + " own for each function and its elements")
              .formatted(results, index, Arrays.toString(item)));
    }
    return Optional.of(new Known(serializer.decode(ByteBuffer.wrap(results.read(index)))));
  }

  private long fingerprint(Object[] item) throws Exception {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every Java has it
    }
    for (Object argument : item) {
      digest.update(serializer.encode(argument));
    }
    return ByteBuffer.wrap(digest.digest()).getLong();
  }

  /** Saves the outcome of an item unless it is a failure. */
  void save(long index, Object outcome) throws Exception {
    Long fingerprint = fingerprints.remove(index);
    if (fingerprint != null && !(outcome instanceof Failed)) {
      results.save(index, fingerprint, serializer.encode(outcome));
    }
  }

  void close() throws IOException {
    results.close();
  }
}
