package dev.mpipool.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What schedulers' programs are told, and what is made of their answers. */
@Timeout(60)
class SchedulerProgramsTest {

  private static final String SESSION = "test-20260101T000000-0001";

  @TempDir Path folder;

  /** A program that notes its arguments, a line each, and answers. */
  private String program(String name, String script) throws IOException {
    Path program = folder.resolve(name);
    Files.writeString(
        program,
        "#!/bin/sh\nprintf '<%%s>\\n' \"$@\" > '%s.args'\n%s\n".formatted(program, script));
    Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwx------"));
    return program.toString();
  }

  private List<String> arguments(String name) throws IOException {
    return Files.readAllLines(folder.resolve(name + ".args"));
  }

  private Submission submission(Integer... chunks) {
    return new Submission(
        SESSION, Path.of("/maps/worker.sh"), Path.of("/maps/50% done/output"), List.of(chunks));
  }

  @Test
  void slurmIsToldInItsOwnTerms() throws Exception {
    SlurmScheduler scheduler =
        SlurmScheduler.builder()
            .programs(program("sbatch", "echo 7"), "squeue", "scancel")
            .queue("long")
            .cores(4)
            .memory("2G")
            .time("1-00:00:00")
            .options("--account", "physics")
            .build();

    scheduler.submit(submission(12));

    assertThat(arguments("sbatch"))
        .contains(
            "<--job-name=" + SESSION + "-000012>",
            "<--partition=long>",
            "<--cpus-per-task=4>",
            "<--mem=2G>",
            "<--time=1-00:00:00>",
            "<--output=/maps/50%% done/output/000012.stdout>")
        .containsSequence("<--account>", "<physics>")
        .endsWith("</maps/worker.sh>", "<12>");
  }

  @Test
  void gridEngineIsToldInItsOwnTerms() throws Exception {
    GridEngineScheduler scheduler =
        GridEngineScheduler.builder()
            .programs(program("qsub", "echo 7"), "qstat", "qdel")
            .queue("long.q")
            .cores(4)
            .parallelEnvironment("openmp")
            .memory("2G")
            .memoryResource("mem_free")
            .time("10:00:00")
            .build();

    scheduler.submit(submission(12));

    assertThat(arguments("qsub"))
        .containsSequence("<-q>", "<long.q>")
        .containsSequence("<-pe>", "<openmp>", "<4>")
        .containsSequence("<-l>", "<mem_free=2G>")
        .containsSequence("<-l>", "<h_rt=10:00:00>")
        .containsSequence("<-C>", "<>") // nothing in the script is taken for an option
        .containsSequence("<-N>", "<" + SESSION + "-000012>")
        .endsWith("</maps/worker.sh>", "<12>");
    assertThatThrownBy(
            () ->
                scheduler.submit(
                    new Submission(SESSION, Path.of("/a"), Path.of("/maps/1:2"), List.of(0))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("another work folder");
  }

  @Test
  void arraysOfAThousandHaveTheChunksNumbers() throws Exception {
    StandInQueue queue = StandInQueue.install(folder.resolve("queue"), 4);
    SlurmScheduler scheduler = queue.slurm().jobArrays(true).build();
    Path script = folder.resolve("script");
    Files.writeString(script, "echo \"$(($1 + SLURM_ARRAY_TASK_ID)) $2\"");
    List<Integer> chunks = List.of(0, 1, 2, 7, 999, 1000, 2004);

    scheduler.submit(new Submission(SESSION, script, folder, chunks));

    assertThat(scheduler.jobs(SESSION)).extracting(Job::chunk).isSubsetOf(chunks);
    await().until(() -> scheduler.jobs(SESSION).isEmpty());
    for (int chunk : chunks) {
      assertThat(folder.resolve("%06d.stdout".formatted(chunk))).hasContent(chunk + " array");
    }
    assertThat(SlurmScheduler.ranges(List.of(1000, 1001, 1002, 1004, 1006, 1007), 1000))
        .isEqualTo("0-2,4,6-7");
  }

  @Test
  void squeuesStates() throws Exception {
    String answer =
        """
        12_3|%1$s-001000|3|RUNNING|None
        13|%1$s-000004|N/A|PENDING|Priority
        14|%1$s-000005|N/A|PENDING|launch failed requeued held
        15|%1$s-000006|N/A|COMPLETING|None
        16|%1$s-000007|N/A|NODE_FAIL|None
        17|%1$s-000008|N/A|PENDING|JobHeldUser
        18|other-000009|N/A|RUNNING|None
        19|%1$s-000010|N/A|CANCELLED|None
        """
            .formatted(SESSION);

    assertThat(SlurmScheduler.parse(answer, SESSION))
        .containsExactly(
            new Job("12_3", 1003, Job.State.RUNNING, "RUNNING"),
            new Job("13", 4, Job.State.PENDING, "PENDING, Priority"),
            new Job("14", 5, Job.State.ERROR, "PENDING, launch failed requeued held"),
            new Job("15", 6, Job.State.RUNNING, "COMPLETING"),
            new Job("16", 7, Job.State.ERROR, "NODE_FAIL"),
            new Job("17", 8, Job.State.PENDING, "PENDING, JobHeldUser"));
    assertThatThrownBy(() -> SlurmScheduler.parse("Welcome to the cluster!\n", SESSION))
        .isInstanceOf(CommandException.class)
        .hasMessageContainingAll("squeue's answer", "Welcome to the cluster!");
  }

  private static String qstat(String jobs) {
    return "<?xml version='1.0'?>\n<job_info xmlns:xsd=\"x\"><queue_info>%s</queue_info></job_info>"
        .formatted(jobs);
  }

  @Test
  void qstatsStatesWithTheLetterOfTheError() throws Exception {
    String xml =
        qstat(
            """
            <job_list state="running"><JB_job_number>1</JB_job_number>
              <JB_name>%1$s-000001</JB_name><state>r</state></job_list>
            <job_list state="pending"><JB_job_number>2</JB_job_number>
              <JB_name>%1$s-000002</JB_name><state>Eqw</state></job_list>
            <job_list state="pending"><JB_job_number>3</JB_job_number>
              <JB_name>other</JB_name><state>Eqw</state></job_list>
            """
                .formatted(SESSION));

    assertThat(QstatXml.jobs(xml, SESSION, "E"))
        .containsExactly(
            new Job("1", 1, Job.State.RUNNING, "r"), new Job("2", 2, Job.State.ERROR, "Eqw"));
    assertThat(QstatXml.jobs(xml, SESSION, "z").get(1).state()).isEqualTo(Job.State.PENDING);
  }

  @Test
  void entitiesAreRefused() throws IOException {
    Path secret = folder.resolve("secret");
    Files.writeString(secret, "secret words");
    String xml =
        """
        <?xml version='1.0'?>
        <!DOCTYPE job_info [<!ENTITY file SYSTEM "%s">]>
        <job_info><job_list><JB_job_number>1</JB_job_number><JB_name>&file;</JB_name></job_list></job_info>
        """
            .formatted(secret.toUri());

    assertThatThrownBy(() -> QstatXml.jobs(xml, SESSION, "E"))
        .isInstanceOf(CommandException.class)
        .hasMessageContainingAll("qstat's answer cannot be read", "DOCTYPE")
        .hasMessageNotContaining("secret words");
  }

  @Test
  void answersThatAreNoneSayWhatTheyAre() {
    assertThatThrownBy(() -> QstatXml.jobs("qstat: usage", SESSION, "E"))
        .hasMessageContainingAll("qstat's answer", "line 1", "qstat: usage");
    assertThatThrownBy(() -> QstatXml.jobs("<other/>", SESSION, "E"))
        .hasMessageContainingAll("no job_info", "<other/>");
    assertThatThrownBy(() -> QstatXml.jobs(qstat("<job_list/>"), SESSION, "E"))
        .hasMessageContaining("without a JB_name");
  }

  @Test
  void programsThatHangFailOrAreMissing() throws Exception {
    Duration brief = Duration.ofMillis(500);
    String hanging = program("squeue", "sleep 50");

    long start = System.nanoTime();
    assertThatThrownBy(() -> Command.run(List.of(hanging, "--me"), brief))
        .isInstanceOf(CommandException.class)
        .hasMessageContainingAll("squeue did not end within 500 ms", "--me");
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(20));
    assertThatThrownBy(
            () -> Command.run(List.of(program("qdel", "echo no such job >&2; exit 3")), brief))
        .hasMessageContainingAll("qdel failed with exit code 3: no such job");
    assertThatThrownBy(() -> Command.run(List.of("/no/qsub"), brief))
        .hasMessageContainingAll("/no/qsub cannot be started", "option of the scheduler");
  }

  @Test
  void detection() {
    Path bin = StandInQueue.install(folder.resolve("queue"), 1).bin();
    Map<String, String> path = Map.of("PATH", "/no:" + bin);

    assertThat(Detection.detect(path)).hasToString("Slurm, job arrays (sbatch)");
    assertThat(Detection.detect(Map.of("PATH", "/no"))).isInstanceOf(LocalScheduler.class);
    assertThat(Detection.detect(Map.of("PATH", bin.toString(), "MPIPOOL_SCHEDULER", "sge")))
        .isInstanceOf(GridEngineScheduler.class);
    assertThatThrownBy(() -> Detection.detect(Map.of("MPIPOOL_SCHEDULER", "pbs")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("slurm-array, slurm, sge or local");
  }
}
