package dev.mpipool;

import java.io.Serializable;
import java.util.concurrent.Callable;

/**
 * A {@link Callable} that can travel to a worker. A lambda becomes one wherever this type is asked
 * for.
 *
 * <p>Example:
 *
 * <pre>{@code
 * List<SerializableCallable<String>> tasks = List.of(() -> "a", () -> "b");
 * List<Future<String>> done = executor.invokeAll(tasks);
 * }</pre>
 *
 * @param <T> the type of the result, which has to be serializable too
 */
@FunctionalInterface
public interface SerializableCallable<T> extends Callable<T>, Serializable {}
