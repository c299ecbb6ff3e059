package dev.mpipool.dispatch;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.mpipool.TaskSerializationException;
import dev.mpipool.serial.JavaSerializer;
import dev.mpipool.serial.LeanSerializer;
import dev.mpipool.serial.TaskCall;
import dev.mpipool.testing.Huge;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DispatcherSizeTest {

  private record Call(Object code) implements TaskCall {
    @Override
    public int shape() {
      return 0;
    }

    @Override
    public List<Object> arguments() {
      return List.of();
    }

    @Override
    public Object call() {
      return code;
    }
  }

  @Test
  void aTaskThatIsTooLongForAMessageIsRefusedAndCostsNoWorker(@TempDir Path folder) {
    LeanSerializer serializer =
        LeanSerializer.with(
            new Huge(new JavaSerializer(getClass().getClassLoader()), folder),
            getClass().getClassLoader());
    Dispatcher dispatcher =
        new Dispatcher(
            new Dispatcher.Settings(List.of(1), 1, 3, true),
            serializer,
            (rank, entry) -> {
              throw new AssertionError("sent: " + entry.kind());
            });
    TaskFuture<Object> future = TaskFuture.of(dispatcher, new Call(List.of("huge")), "huge");
    assertThatThrownBy(() -> dispatcher.submit(future))
        .isInstanceOf(TaskSerializationException.class)
        .hasMessageContaining(" are the most");
  }
}
