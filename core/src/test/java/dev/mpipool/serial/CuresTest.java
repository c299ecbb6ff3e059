package dev.mpipool.serial;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.Serializable;
import java.lang.invoke.MethodHandleInfo;
import java.lang.invoke.SerializedLambda;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;

/** What messages say to do, where something is missing that the user can give. */
class CuresTest {

  private final ClassLoader loader = CuresTest.class.getClassLoader();
  private final JavaSerializer serializer = new JavaSerializer(loader);

  static final class Service {
    Callable<Integer> task() {
      return (Callable<Integer> & Serializable) () -> hashCode();
    }
  }

  static final class NoLambdas {}

  /** A lambda's form whose class is without lambdas here, as on a rank without the agent. */
  private static SerializedLambda form() {
    return new SerializedLambda(
        NoLambdas.class,
        "java/util/concurrent/Callable",
        "call",
        "()Ljava/lang/Object;",
        MethodHandleInfo.REF_invokeStatic,
        "Any",
        "lambda$task$0",
        "()V",
        "()Ljava/lang/Object;",
        new Object[0]);
  }

  @Test
  void aClassOfTheProgramMayBeNamed() {
    assertThatThrownBy(() -> serializer.encode(new Service().task()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("captured " + Service.class.getName())
        .hasMessageEndingWith(
            ". Let it implement Serializable, or have bin/mpjrun.sh -any-lambda -Dmpipool.capture="
                + CuresTest.class.getName()
                + " do that: copies of the object will travel");
  }

  @Test
  void whatBelongsToThisProcessMayNot() {
    try (Connection connection = new Connection()) {
      assertThatThrownBy(() -> serializer.encode(connection))
          .hasMessage("class %s is not serializable: %1$s".formatted(Connection.class.getName()));
    }
  }

  @Test
  void norMayALockOfTheProgram() {
    ReadWriteLock lock = new Locks();
    assertThatThrownBy(() -> serializer.encode(lock))
        .hasMessage("class %s is not serializable: %1$s".formatted(Locks.class.getName()));
  }

  private static final class Locks implements ReadWriteLock {
    @Override
    public Lock readLock() {
      throw new UnsupportedOperationException();
    }

    @Override
    public Lock writeLock() {
      throw new UnsupportedOperationException();
    }
  }

  private static final class Connection implements AutoCloseable {
    @Override
    public void close() {}
  }

  @Test
  void aPlainLambdaNeedsTheOption() {
    Callable<Integer> plain = () -> 1;
    assertThatThrownBy(() -> serializer.encode(new Object[] {plain}))
        .hasMessageEndingWith(". bin/mpjrun.sh -any-lambda makes plain lambdas serializable");
    Predicate<String> made = Predicate.not(String::isEmpty);
    assertThatThrownBy(() -> serializer.encode(new Object[] {made}))
        .hasMessageContaining("The JDK has made this lambda: write it out");
  }

  @Test
  void ranksThatDifferAreNamedAsTheReason() {
    String message =
        "the lambdas of class %s are serializable where the task comes from, and not on this rank"
            .formatted(NoLambdas.class.getName());
    assertThatThrownBy(() -> LambdaCode.of(form()).prepare(loader, new ClassFilter(null)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(message);
    assertThatThrownBy(() -> serializer.decode(serializer.encode(form())))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(message);
  }
}
