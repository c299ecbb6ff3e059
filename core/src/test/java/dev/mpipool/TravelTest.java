package dev.mpipool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.mpipool.testing.Ranks;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Everything that cannot be written or read, as a part of everything that travels: it fails the one
 * future that it belongs to, and the pool goes on. Rank 0 is main, rank 1 the worker; one of them
 * may have classes of its own.
 */
@Timeout(60)
@ExtendWith(LocalPools.class)
class TravelTest {

  static final class Lock implements Serializable {
    private static final long serialVersionUID = 1;
    final List<Object> parts = new ArrayList<>(List.of("bolt", new Object()));
  }

  static final class WriteThrows implements Serializable {
    private static final long serialVersionUID = 1;

    private void writeObject(ObjectOutputStream out) throws IOException {
      throw new IOException("will not be written");
    }
  }

  static final class ReplaceThrows implements Serializable {
    private static final long serialVersionUID = 1;

    private Object writeReplace() {
      throw new IllegalStateException("will not be replaced");
    }
  }

  static final class ReadThrows implements Serializable {
    private static final long serialVersionUID = 1;

    private void readObject(ObjectInputStream in) throws IOException {
      throw new IOException("will not be read");
    }
  }

  static final class LinkThrows implements Serializable {
    private static final long serialVersionUID = 1;

    private void readObject(ObjectInputStream in) {
      throw new NoClassDefFoundError("org/example/Absent");
    }
  }

  static final class Link implements Serializable {
    private static final long serialVersionUID = 1;
    Link next;
  }

  /** Known to the one rank only. */
  static final class Absent implements Serializable {
    private static final long serialVersionUID = 1;
  }

  /** Can be used on the one rank only. */
  static final class InitThrows implements Serializable {
    private static final long serialVersionUID = 1;
    static final int LENGTH = length();
    final int length = LENGTH;

    private static int length() {
      if (InitThrows.class.getClassLoader().getClass().getName().endsWith("Elsewhere")) {
        throw new IllegalStateException("will not be initialized");
      }
      return 1;
    }
  }

  /** Where one of the classes is missing, and another is there for the second time. */
  private static final class Elsewhere extends URLClassLoader {
    Elsewhere() {
      super(
          new URL[] {TravelTest.class.getProtectionDomain().getCodeSource().getLocation()},
          TravelTest.class.getClassLoader());
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
      if (name.equals(Absent.class.getName())) {
        throw new ClassNotFoundException(name);
      }
      if (!name.equals(InitThrows.class.getName())) {
        return super.loadClass(name, resolve);
      }
      Class<?> own = findLoadedClass(name);
      return own == null ? findClass(name) : own;
    }
  }

  enum Unwritable {
    FIELD("java.lang.Object", ".parts[1]"),
    WRITE("will not be written", "$WriteThrows"),
    REPLACE("will not be replaced", "$ReplaceThrows"),
    DEEP("nested too deeply", "$Link: ");

    final String why;
    final String path;

    Unwritable(String why, String path) {
      this.why = why;
      this.path = path;
    }

    Object make() {
      return switch (this) {
        case FIELD -> new Lock();
        case WRITE -> new WriteThrows();
        case REPLACE -> new ReplaceThrows();
        case DEEP -> chain(100_000);
      };
    }
  }

  enum Unreadable {
    READ("will not be read", "$ReadThrows"),
    LINK("NoClassDefFoundError: org/example/Absent", "$LinkThrows"),
    INIT("will not be initialized", "$InitThrows"),
    ABSENT("$Absent is not to be found", "$Absent");

    final String why;
    final String path;

    Unreadable(String why, String path) {
      this.why = why;
      this.path = path;
    }

    Object make() {
      return switch (this) {
        case READ -> new ReadThrows();
        case LINK -> new LinkThrows();
        case INIT -> new InitThrows();
        case ABSENT -> new Absent();
      };
    }
  }

  record Box(Object content) implements Serializable {}

  static final class Carrying extends Exception {
    private static final long serialVersionUID = 1;

    @SuppressWarnings("serial") // on purpose
    final Object content;

    Carrying(Object content) {
      super("carrying");
      this.content = content;
    }
  }

  static Link chain(int links) {
    Link first = new Link();
    for (int i = 1; i < links; i++) {
      Link longer = new Link();
      longer.next = first;
      first = longer;
    }
    return first;
  }

  private interface Body {
    void run(MPIExecutor executor) throws Exception;
  }

  /** The rank -1 is none. */
  private static void inPool(int elsewhere, Body body) throws Exception {
    Ranks.onAll(
        2,
        own -> {
          if (own.rank() == elsewhere) {
            Thread.currentThread().setContextClassLoader(new Elsewhere());
          }
          try (MPIExecutor executor = MPIExecutor.builder().communicator(own).open()) {
            executor.workersExit();
            body.run(executor);
            assertThat((Object) get(executor.submit(x -> x + 1, 41))).isEqualTo(42);
          } catch (WorkersExitException e) {
            // a worker
          }
          return null;
        });
  }

  private static <T> T get(Future<T> future) throws Exception {
    return future.get(20, TimeUnit.SECONDS);
  }

  private static void expect(Future<?> future, String... parts) {
    assertThatThrownBy(() -> get(future))
        .cause()
        .isInstanceOf(TaskSerializationException.class)
        .message()
        .contains(parts);
  }

  private static void expectElement(Batch<?> batch, String... parts) throws Exception {
    List<CompletableFuture<?>> elements = new ArrayList<>();
    batch.ordered().forEach(elements::add);
    assertThat(elements).hasSize(3);
    get(elements.get(0));
    expect(elements.get(1), parts);
    get(elements.get(2));
  }

  private static List<Object> with(Object bad) {
    return List.of(1, bad, 3);
  }

  @ParameterizedTest
  @EnumSource
  void whatMainCannotWrite(Unwritable kind) throws Exception {
    inPool(
        -1,
        executor -> {
          Box bad = new Box(kind.make());
          String[] parts = {"cannot travel to a worker", kind.why, "Box.content", kind.path};
          expect(executor.submit(() -> bad.hashCode()), parts);
          expect(executor.submit(x -> 1, bad), parts);
          expect(executor.submit((x, y) -> 1, 1, bad), parts);
          expect(executor.submitToAll(() -> bad.hashCode()), parts);
          expect(executor.submitGroup(1, group -> bad.hashCode()), parts);
          expectElement(executor.batch().chunkSize(3).submit(x -> 1, with(bad)), parts);
          assertThatThrownBy(() -> executor.submitBatch(x -> bad.hashCode(), with(1)).results())
              .hasCauseInstanceOf(TaskSerializationException.class)
              .hasMessageContaining(kind.why);
          assertThatThrownBy(() -> executor.broadcast(bad))
              .isInstanceOf(IllegalArgumentException.class)
              .hasMessageContaining(kind.why);
        });
  }

  @ParameterizedTest
  @EnumSource
  void whatTheWorkerCannotWrite(Unwritable kind) throws Exception {
    inPool(
        -1,
        executor -> {
          String[] parts = {"cannot travel back from rank 1", kind.why, "Box.content", kind.path};
          expect(executor.submit(() -> new Box(kind.make())), parts);
          expect(executor.submitToAll(() -> new Box(kind.make())), parts);
          expect(executor.submitGroup(1, group -> new Box(kind.make())), parts);
          SerializableFunction<Object, Object> function =
              x -> x.equals(2) ? new Box(kind.make()) : x;
          expectElement(executor.batch().chunkSize(3).submit(function, with(2)), parts);
          expectText(
              executor.submit(() -> fail(kind.make())), "cannot travel", kind.why, kind.path);
        });
  }

  private static Object fail(Object content) throws Carrying {
    throw new Carrying(content);
  }

  /** An exception that cannot travel arrives as text, which says why. */
  private static void expectText(Future<?> future, String... parts) {
    assertThatThrownBy(() -> get(future))
        .cause()
        .isInstanceOf(RemoteTaskException.class)
        .hasMessageContaining("carrying")
        .extracting(e -> ((RemoteTaskException) e).remoteStackTrace())
        .asString()
        .contains(parts);
  }

  @ParameterizedTest
  @EnumSource
  void whatTheWorkerCannotRead(Unreadable kind) throws Exception {
    inPool(
        1,
        executor -> {
          Box bad = new Box(kind.make());
          String[] parts = {"could not be read on rank 1", kind.why, "$Box > ", kind.path};
          expect(executor.submit(() -> bad.hashCode()), parts);
          expect(executor.submit(x -> 1, bad), parts);
          expect(executor.submitToAll(() -> bad.hashCode()), parts);
          expect(executor.submitGroup(1, group -> bad.hashCode()), parts);
          expectElement(executor.batch().chunkSize(3).submit(x -> 1, with(bad)), parts);
          for (CompletableFuture<?> element : executor.submitBatch(x -> bad.hashCode(), with(1))) {
            expect(element, parts);
          }
          try (Broadcast<Box> broadcast = executor.broadcast(bad)) {
            assertThatThrownBy(() -> get(executor.submit(() -> broadcast.value().hashCode())))
                .hasMessageContaining(kind.why);
          }
        });
  }

  @ParameterizedTest
  @EnumSource
  void whatMainCannotRead(Unreadable kind) throws Exception {
    inPool(
        0,
        executor -> {
          String[] parts = {
            "from rank 1 could not be read on main", kind.why, "$Box > ", kind.path
          };
          expect(executor.submit(() -> new Box(kind.make())), parts);
          expect(executor.submitToAll(() -> new Box(kind.make())), parts);
          expect(executor.submitGroup(1, group -> new Box(kind.make())), parts);
          SerializableFunction<Object, Object> function =
              x -> x.equals(2) ? new Box(kind.make()) : x;
          expectElement(executor.batch().chunkSize(3).submit(function, with(2)), parts);
          expectText(
              executor.submit(() -> fail(kind.make())), "could not be read on main", kind.why);
        });
  }

  /** The stack that wrote it was deeper than the one that reads it. */
  @Test
  void whatIsNestedTooDeeplyToBeRead() throws Exception {
    inPool(
        -1,
        executor -> {
          List<Throwable> thrown = new ArrayList<>();
          Runnable submit =
              () -> {
                try {
                  get(executor.submit(x -> 1, new Box(chain(30_000))));
                } catch (Exception e) {
                  thrown.add(e.getCause());
                }
              };
          Thread deep = new Thread(null, submit, "test-deep", 256 << 20);
          deep.start();
          deep.join();
          assertThat(thrown)
              .singleElement()
              .isInstanceOf(TaskSerializationException.class)
              .extracting(Throwable::getMessage)
              .asString()
              .contains("could not be read on rank 1: it is nested too deeply", "$Box > ", "$Link");
        });
  }
}
