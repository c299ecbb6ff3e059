/** The pools that people know from Python, on the executor. */
module mpipool.poolcompat {
  requires transitive mpipool.core;
  requires java.xml;
  requires me.tongfei.progressbar;
  requires org.apache.commons.lang3;
  requires org.slf4j;

  exports dev.mpipool.pool;
  exports dev.mpipool.queue;
  exports dev.mpipool.tasker;
}
