package dev.mpipool.agent.kotlin

import java.util.concurrent.Callable
import java.util.function.Supplier

/** What stands for the tasks of a program in Kotlin. */
class KotlinLambdas {
  companion object {
    @JvmStatic fun capturesNothing() = Callable { 42 }

    @JvmStatic
    fun capturesVals(): Callable<String> {
      val number = 7
      val wide = 1L shl 40
      val text = "text"
      val list = listOf(1, 2, 3)
      return Callable { "$number $wide $text ${list.sum()}" }
    }

    @JvmStatic
    fun capturesFunction(): Callable<Int> {
      val base = 3
      val times: (Int) -> Int = { it * base }
      return Callable { times(5) }
    }

    @JvmStatic
    fun capturesReference(): Callable<Int> {
      val function: (String) -> Int = String::length
      val supplier: () -> Int = "four"::length
      return Callable { function("three") + supplier() }
    }

    @JvmStatic fun topLevelReference(): Callable<String> = Callable(::greeting)

    @JvmStatic
    fun nested(): Callable<Int> {
      val base = 2
      return Callable { listOf(1, 2, 3).map { each -> Supplier { each * base }.get() }.sum() }
    }

    @JvmStatic
    fun inlined(): Callable<List<Int>> {
      val least = 2
      return Callable { (1..4).filter { it >= least }.map { it * it } }
    }

    @JvmStatic
    fun capturesSerializableDataClass(): Callable<Int> {
      val point = Point(3, 4)
      return Callable { point.x + point.y }
    }

    @JvmStatic
    fun capturesVar(): Callable<Int> {
      var count = 0
      count++
      return Callable { ++count }
    }

    @JvmStatic
    fun capturesDataClass(): Callable<Int> {
      val price = Price(3)
      return Callable { price.amount }
    }

    @JvmStatic fun capturesThis(): Callable<Int> = Shop().task()
  }

  data class Point(val x: Int, val y: Int) : java.io.Serializable

  data class Price(val amount: Int)

  class Shop {
    private val price = 3

    fun task() = Callable { price * 2 }
  }
}

fun greeting() = "hello"
