using System.Runtime.CompilerServices;

namespace Xenlet.GuestImage;

/// <summary>Exceptions: those the processor raises (faults that the kernel has to turn into signals) and those a program throws.</summary>
internal static class ExceptionCases
{
    private static int s_filterCalls;

    private static Node NoNode => Hidden.Nothing<Node>();

    public static IEnumerable<Case> All =>
    [
        new("null-read", () => Check.Throws<NullReferenceException>(() => Use(NoNode.Value))),
        new("null-write", () => Check.Throws<NullReferenceException>(() => NoNode.Value = 1)),
        new("null-virtual-call", () => Check.Throws<NullReferenceException>(() => Use(NoNode.Virtual()))),
        new("null-array", () => Check.Throws<NullReferenceException>(() => Use(Hidden.Nothing<int[]>()[3]))),
        new("null-large-offset", NullLargeOffset),
        new("divide-by-zero-int", DivideByZeroInt),
        new("divide-by-zero-long", () => Check.Throws<DivideByZeroException>(() => Use((int)(long.MaxValue / (long)Hidden.Zero)))),
        new("divide-overflow", DivideOverflow),
        new("checked-overflow", () => Check.Throws<OverflowException>(() => Use(checked(int.MaxValue + (1 + Hidden.Zero))))),
        new("index-out-of-range", () => Check.Throws<IndexOutOfRangeException>(() => Use((new int[4])[4 + Hidden.Zero]))),
        new("span-out-of-range", () => Check.Throws<IndexOutOfRangeException>(() => Use(new Span<int>(new int[4])[Hidden.MinusOne]))),
        new("invalid-cast", () => Check.Throws<InvalidCastException>(() => Use(((Node)Hidden.Opaque("text")).Value))),
        new("array-type-mismatch", () => Check.Throws<ArrayTypeMismatchException>(
            () => ((object[])Hidden.Opaque(new string[1]))[0] = new Node())),
        new("custom-exception", CustomException),
        new("filter-order", FilterOrder),
        new("finally-order", FinallyOrder),
        new("nested-exceptions", NestedExceptions),
        new("exception-in-finally", ExceptionInFinally),
        new("rethrow-keeps-trace", RethrowKeepsTrace),
        new("trace-names-methods", TraceNamesMethods),
        new("across-async", AcrossAsync),
        new("aggregate-exception", AggregateExceptions),
        new("fault-releases-lock", FaultReleasesLock),
        new("throw-10000-times", Throw10000Times),
        new("fault-10000-times", Fault10000Times),
        new("throw-through-500-frames", ThrowThrough500Frames),
        new("throw-on-thread", ThrowOnThread),
        new("type-initializer", TypeInitializer),
        new("fault-keeps-locals", FaultKeepsLocals),
    ];

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Use(int value) => _ = value;

    private static void NullLargeOffset()
    {
        // The field is near the end of the unmapped 64 KiB, or beyond the offsets for which the compiler may rely on the fault.
        Check.Throws<NullReferenceException>(() => Use(Hidden.Nothing<Large>().Last));
        Check.Throws<NullReferenceException>(() => Hidden.Nothing<Large>().Last = 1);
    }

    private static void DivideByZeroInt()
    {
        Check.Throws<DivideByZeroException>(() => Use(7 / Hidden.Zero));
        Check.Throws<DivideByZeroException>(() => Use(7 % Hidden.Zero));
        Check.Throws<DivideByZeroException>(() => Use((int)(7u / (uint)Hidden.Zero)));
    }

    private static void DivideOverflow()
    {
        Check.Throws<OverflowException>(() => Use(int.MinValue / Hidden.MinusOne));
        Check.Throws<OverflowException>(() => Use((int)(long.MinValue / (long)Hidden.MinusOne)));
        Check.Throws<OverflowException>(() => Use(int.MinValue % Hidden.MinusOne));
    }

    private static void CustomException()
    {
        OutOfTeaException thrown = Check.Throws<OutOfTeaException>(
            () => throw new OutOfTeaException("Earl Grey", new InvalidOperationException("inner")) { Data = { ["cups"] = 3 } });
        Check.Equal("no Earl Grey left", thrown.Message);
        Check.Equal("inner", thrown.InnerException!.Message);
        Check.Equal(3, (int)thrown.Data["cups"]!);
    }

    private static void FilterOrder()
    {
        List<string> order = [];
        bool Filter(string name, bool answer)
        {
            order.Add(name);
            return answer;
        }

        try
        {
            try
            {
                try
                {
                    Use(NoNode.Value);
                }
                catch (NullReferenceException) when (Filter("inner filter", false))
                {
                    order.Add("inner catch");
                }
                finally
                {
                    order.Add("inner finally");
                }
            }
            catch (NullReferenceException) when (Filter("outer filter", true))
            {
                order.Add("outer catch");
            }
        }
        finally
        {
            order.Add("outer finally");
        }

        // Two passes: every filter runs before the first finally block.
        Check.Equal("inner filter, outer filter, inner finally, outer catch, outer finally", string.Join(", ", order));

        // A filter that throws counts as false.
        s_filterCalls = 0;
        Check.Throws<OutOfTeaException>(() =>
        {
            try
            {
                throw new OutOfTeaException("green", null);
            }
            catch (OutOfTeaException) when (++s_filterCalls > 0 && NoNode.Value == 0)
            {
            }
        });
        Check.Equal(1, s_filterCalls);
    }

    private static void FinallyOrder()
    {
        List<int> order = [];
        void Level(int depth)
        {
            try
            {
                if (depth == 5)
                {
                    throw new OutOfTeaException("Assam", null);
                }

                Level(depth + 1);
            }
            finally
            {
                order.Add(depth);
            }
        }

        Check.Throws<OutOfTeaException>(() => Level(0));
        Check.Equal("5,4,3,2,1,0", string.Join(",", order));
    }

    private static void NestedExceptions()
    {
        string seen = "";
        try
        {
            try
            {
                Use(NoNode.Value);
            }
            catch (NullReferenceException)
            {
                seen += "null;";
                try
                {
                    Use(1 / Hidden.Zero);
                }
                catch (DivideByZeroException)
                {
                    seen += "divide;";
                }

                throw new OutOfTeaException("white", null);
            }
        }
        catch (OutOfTeaException)
        {
            seen += "tea";
        }

        Check.Equal("null;divide;tea", seen);
    }

    private static void ExceptionInFinally()
    {
        // An exception that leaves a finally block replaces the one under way.
        Check.Throws<DivideByZeroException>(() =>
        {
            try
            {
                throw new OutOfTeaException("black", null);
            }
            finally
            {
                Use(1 / Hidden.Zero);
            }
        });
    }

    private static void RethrowKeepsTrace()
    {
        try
        {
            try
            {
                TheOriginalThrower();
            }
            catch (OutOfTeaException)
            {
                throw;
            }
        }
        catch (OutOfTeaException thrown)
        {
            Check.That(thrown.StackTrace!.Contains(nameof(TheOriginalThrower), StringComparison.Ordinal), thrown.StackTrace);
        }

        try
        {
            try
            {
                TheOriginalThrower();
            }
            catch (OutOfTeaException first)
            {
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(first);
            }
        }
        catch (OutOfTeaException thrown)
        {
            Check.That(thrown.StackTrace!.Contains(nameof(TheOriginalThrower), StringComparison.Ordinal), thrown.StackTrace);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void TheOriginalThrower() => throw new OutOfTeaException("mint", null);

    private static void TraceNamesMethods()
    {
        NullReferenceException thrown = Check.Throws<NullReferenceException>(OuterOfTheTrace);
        string[] lines = thrown.StackTrace!.Split('\n');
        Check.That(lines[0].Contains($"{nameof(ExceptionCases)}.{nameof(InnerOfTheTrace)}", StringComparison.Ordinal), thrown.StackTrace);
        Check.That(lines[1].Contains($"{nameof(ExceptionCases)}.{nameof(OuterOfTheTrace)}", StringComparison.Ordinal), thrown.StackTrace);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void OuterOfTheTrace()
    {
        InnerOfTheTrace(NoNode);
        Use(1);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void InnerOfTheTrace(Node node) => Use(node.Value);

    private static async Task AcrossAsync()
    {
        static async Task<int> Deep(int depth)
        {
            if (depth == 0)
            {
                await Task.Delay(1);
                return NoNode.Value;
            }

            await Task.Yield();
            return await Deep(depth - 1) + 1;
        }

        NullReferenceException thrown = await Check.ThrowsAsync<NullReferenceException>(() => Deep(20));
        Check.That(thrown.StackTrace!.Contains("Deep", StringComparison.Ordinal), thrown.StackTrace);
    }

    private static async Task AggregateExceptions()
    {
        Task all = Task.WhenAll(
            Task.Run(() => throw new OutOfTeaException("a", null)),
            Task.Run(() => Use(1 / Hidden.Zero)),
            Task.Run(() => Use(NoNode.Value)));
        try
        {
            await all;
        }
        catch (Exception one)
        {
            Check.That(all.Exception!.InnerExceptions.Contains(one));
        }

        string types = string.Join(",", all.Exception!.InnerExceptions.Select(inner => inner.GetType().Name).Order(StringComparer.Ordinal));
        Check.Equal("DivideByZeroException,NullReferenceException,OutOfTeaException", types);
        AggregateException waited = Check.Throws<AggregateException>(() => Task.Run(() => throw new OutOfTeaException("b", null)).Wait());
        Check.Equal("no b left", waited.InnerException!.Message);
    }

    private static void FaultReleasesLock()
    {
        object gate = new();
        Check.Throws<NullReferenceException>(() =>
        {
            lock (gate)
            {
                Use(NoNode.Value);
            }
        });
        Check.That(!Monitor.IsEntered(gate));
        bool entered = false;
        Thread other = new(() =>
        {
            entered = Monitor.TryEnter(gate);
        });
        other.Start();
        Check.Ends(other);
        Check.That(entered);
    }

    private static void Throw10000Times()
    {
        int caught = 0;
        for (int i = 0; i < 10_000; i++)
        {
            try
            {
                throw new OutOfTeaException("any", null);
            }
            catch (OutOfTeaException)
            {
                caught++;
            }
        }

        Check.Equal(10_000, caught);
    }

    private static void Fault10000Times()
    {
        int caught = 0;
        for (int i = 0; i < 10_000; i++)
        {
            try
            {
                Use(NoNode.Value);
            }
            catch (NullReferenceException)
            {
                caught++;
            }
        }

        Check.Equal(10_000, caught);
    }

    private static void ThrowThrough500Frames()
    {
        int unwound = 0;
        [MethodImpl(MethodImplOptions.NoInlining)]
        int Descend(int depth)
        {
            try
            {
                return depth == 0 ? NoNode.Value : Descend(depth - 1) + 1;
            }
            finally
            {
                unwound++;
            }
        }

        NullReferenceException thrown = Check.Throws<NullReferenceException>(() => Use(Descend(500)));
        Check.Equal(501, unwound);
        Check.That(thrown.StackTrace!.Split('\n').Length > 500);
    }

    private static void ThrowOnThread()
    {
        Exception?[] caught = new Exception?[8];
        Thread[] threads = [.. Enumerable.Range(0, caught.Length).Select(i => new Thread(() =>
        {
            try
            {
                Use(i % 2 == 0 ? NoNode.Value : 1 / Hidden.Zero);
            }
            catch (Exception thrown)
            {
                caught[i] = thrown;
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, Check.Ends);
        for (int i = 0; i < caught.Length; i++)
        {
            Check.Equal(i % 2 == 0 ? typeof(NullReferenceException) : typeof(DivideByZeroException), caught[i]?.GetType());
        }
    }

    private static void TypeInitializer()
    {
        TypeInitializationException thrown = Check.Throws<TypeInitializationException>(() => Use(FailsToInitialize.Value));
        Check.Equal(typeof(OutOfTeaException), thrown.InnerException?.GetType());
        Check.Throws<TypeInitializationException>(() => Use(FailsToInitialize.Value));
    }

    private static void FaultKeepsLocals()
    {
        // Values that live in registers when the fault comes are there again in the handler: callee-saved and xmm ones alike.
        int a = 11 + Hidden.Zero, b = 22 + Hidden.Zero, c = 33 + Hidden.Zero, d = 44 + Hidden.Zero, e = 55 + Hidden.Zero;
        double x = 1.5 + Hidden.Zero, y = 2.5 + Hidden.Zero;
        for (int i = 0; i < 100; i++)
        {
            try
            {
                a++;
                x += 0.5;
                Use(NoNode.Value);
                a = 0;
            }
            catch (NullReferenceException)
            {
                b += a;
                y += x;
                c ^= b;
                d += c & 1;
                e -= i;
            }
        }

        Check.Equal((111, 22 + (Enumerable.Range(12, 100).Sum()), 55 - 4950), (a, b, e));
        Check.Equal((51.5, 2.5 + Enumerable.Range(1, 100).Sum(i => 1.5 + (0.5 * i))), (x, y));
        Check.That(c != 0 && d >= 44);
    }

    private class Node
    {
        public int Value;

        public virtual int Virtual() => Value;
    }

    private sealed class OtherNode : Node
    {
        public override int Virtual() => -Value;
    }

    private sealed class OutOfTeaException(string kind, Exception? inner) : Exception($"no {kind} left", inner);

    private sealed class Large
    {
        public Block First = NewBlock();
        public int Last = 1;

        private static Block NewBlock()
        {
            Block block = default;
            block[0] = 1;
            return block;
        }
    }

    /// <summary>96 KiB.</summary>
    [InlineArray(12_288)]
    private struct Block
    {
        public long Element;
    }

    private static class FailsToInitialize
    {
        public static readonly int Value = Fail();

        private static int Fail() => throw new OutOfTeaException("oolong", null);
    }
}
