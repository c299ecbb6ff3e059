package dev.mpipool.worker;

/** Main ended or was lost without having released its workers. */
public final class MainLostException extends Exception {

  private static final long serialVersionUID = 1;

  MainLostException(String message, Throwable cause) {
    super(message, cause);
  }
}
