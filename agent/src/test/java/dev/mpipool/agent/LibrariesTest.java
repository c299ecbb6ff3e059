package dev.mpipool.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.mpipool.agent.libraries.Libraries;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.concurrent.ExecutorService;
import org.apache.commons.lang3.exception.ExceptionUtils;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What libraries that take an executor make of this one: a task runs, or a message says why not.
 */
@Timeout(60)
class LibrariesTest extends WithWovenPool {

  LibrariesTest() {
    super(Libraries.class.getPackageName());
  }

  private Object call(String use) throws Exception {
    Method method =
        woven.loadClass(Libraries.class.getName()).getDeclaredMethod(use, ExecutorService.class);
    method.setAccessible(true);
    try {
      return method.invoke(null, pool);
    } catch (InvocationTargetException e) {
      throw ExceptionUtils.<RuntimeException>asRuntimeException(e.getCause());
    }
  }

  @ParameterizedTest
  @CsvSource({"completionService,1", "guavaExecute,2", "springExecute,5", "springSubmit,6"})
  void tasksRunOnWorkers(String use, int result) throws Exception {
    assertThat(call(use)).isEqualTo(result);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          guavaSubmit             | is a future of this process, and no worker can complete it
          guavaFutures            | is a future of this process, and no worker can complete it
          micrometer              | TimedCallable is not serializable. Let its class implement
          springSubmitCompletable | CompletableFuture's own async methods
          kotlinCoroutine         | if a library has put it around your task, pass your task to
          """)
  void tasksWithinObjectsOfALibraryAreRefusedWithTheReason(String use, String message) {
    assertThatThrownBy(() -> call(use))
        .satisfies(
            failure ->
                assertThat(ExceptionUtils.getThrowableList(failure))
                    .anyMatch(each -> String.valueOf(each.getMessage()).contains(message)));
  }
}
