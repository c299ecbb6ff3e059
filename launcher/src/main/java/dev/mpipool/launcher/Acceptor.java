package dev.mpipool.launcher;

import java.io.Closeable;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * A port that anybody can reach. Each connection is served by a thread of its own and is a stranger
 * until it has proven itself. There are so many strangers at most, and for so long: a new one takes
 * the place of the oldest, so that silent ones keep no rank out. A rank that lost its place that
 * way tries again.
 */
final class Acceptor implements Closeable {
  private static final int STRANGERS = 256;

  /** Milliseconds that a connection has to prove itself. */
  private static final int PATIENCE = 15_000;

  /** Milliseconds that it has at least, however many others come after it. */
  private static final int MOMENT = 250;

  /** Milliseconds for which accepting may fail, with no stranger left that could make room. */
  private static final int TROUBLE = 1_000;

  /** What is done with a connection. */
  interface Service {
    /**
     * Serves a connection, which is closed afterwards.
     *
     * @param connection whose {@link Connection#proven} is to be called once it has proven itself
     */
    void serve(Connection connection) throws IOException;
  }

  private final ServerSocket server;
  private final String name;
  private final Service service;
  private final Consumer<String> onFailure;
  private final Set<Connection> strangers = new LinkedHashSet<>(); // in the order of their coming
  private volatile boolean stopped;

  /**
   * Listens once it is started.
   *
   * @param name of the port's threads
   * @param onFailure gets the reason when no connection can be accepted any more
   */
  Acceptor(ServerSocket server, String name, Service service, Consumer<String> onFailure) {
    this.server = server;
    this.name = name;
    this.service = service;
    this.onFailure = onFailure;
  }

  void start() {
    Threads.daemon(name + "s", this::accept);
  }

  int port() {
    return server.getLocalPort();
  }

  /**
   * Accepts nothing more, and needs no further descriptor. Callers are left waiting: one that was
   * refused would report an error of its own.
   */
  void stop() {
    stopped = true;
  }

  /** Accepts nothing more, and sends the strangers away. What has proven itself stays. */
  @Override
  public void close() throws IOException {
    server.close();
    Set<Connection> left;
    synchronized (strangers) {
      left = Set.copyOf(strangers);
    }
    left.forEach(Connection::dropIfStranger);
  }

  private void accept() {
    long failing = 0;
    while (!stopped && !server.isClosed()) {
      try {
        if (count() >= STRANGERS) {
          oldest().ifPresent(Acceptor::drop);
        }
        admit(server.accept());
        failing = 0;
      } catch (IOException | Error e) { // out of descriptors, or of threads
        if (server.isClosed()) {
          return;
        }
        failing = failing == 0 ? System.nanoTime() : failing;
        Optional<Connection> oldest = oldest();
        if (oldest.isPresent()) {
          drop(oldest.get());
        } else if (isOver(failing, TROUBLE)) {
          onFailure.accept(describe(e));
          return;
        } else {
          Threads.pause(20);
        }
      }
    }
  }

  private void admit(Socket socket) {
    Connection connection = new Connection(socket);
    synchronized (strangers) {
      strangers.add(connection);
    }
    try {
      connection.cancel = Threads.later(PATIENCE, connection::dropIfStranger);
      Threads.daemon(name, connection::serve);
    } catch (Error e) { // no thread can be started
      connection.end();
      throw e;
    }
  }

  private int count() {
    synchronized (strangers) {
      return strangers.size();
    }
  }

  private Optional<Connection> oldest() {
    synchronized (strangers) {
      return strangers.stream().findFirst();
    }
  }

  private static void drop(Connection oldest) {
    while (!isOver(oldest.begin, MOMENT)) {
      Threads.pause(10);
    }
    oldest.dropIfStranger();
  }

  private static String describe(Throwable e) {
    return e instanceof IOException && e.getMessage() != null ? e.getMessage() : e.toString();
  }

  private static boolean isOver(long begin, int millis) {
    return System.nanoTime() - begin > TimeUnit.MILLISECONDS.toNanos(millis);
  }

  /** A connection that has been accepted. */
  final class Connection {
    private final Socket socket;
    private final long begin = System.nanoTime();

    /** Ends the bound for all that it says, which a byte now and then must not stretch. */
    private volatile Runnable cancel = () -> {};

    private Connection(Socket socket) {
      this.socket = socket;
    }

    Socket socket() {
      return socket;
    }

    /** From now on it is no stranger. Returns false if it has been sent away before. */
    boolean proven() {
      return forget();
    }

    private void serve() {
      try {
        service.serve(this);
      } catch (IOException e) {
        // A stranger, or a rank that is gone: its process tells.
      } catch (Error e) { // a class cannot be loaded without a descriptor, for example
        onFailure.accept(describe(e));
      } finally {
        end();
      }
    }

    private void dropIfStranger() {
      if (forget()) {
        end();
      }
    }

    private boolean forget() {
      cancel.run();
      synchronized (strangers) {
        return strangers.remove(this);
      }
    }

    private void end() {
      forget();
      try {
        socket.close();
      } catch (IOException e) {
        // It is of no use any more either way.
      }
    }
  }
}
