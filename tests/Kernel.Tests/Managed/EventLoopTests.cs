using System.Collections.Concurrent;
using Thread = System.Threading.Thread;

namespace Xenlet.Kernel.Tests.Managed;

/// <summary>A thread with a queue, to which async methods return after an await.</summary>
public sealed class EventLoopTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private readonly EventLoop _loop = new("loop of the test");

    public void Dispose() => _loop.Dispose();

    private static readonly Dictionary<string, Func<EventLoop, Task>> Waits = new()
    {
        ["a yield"] = async _ => await Task.Yield(),
        ["a delay"] = _ => Task.Delay(TimeSpan.FromMilliseconds(1), EventLoop.Clock),
        ["a task of the pool"] = _ => Task.Run(() => Thread.Sleep(1)),
        ["work of another loop"] = async _ =>
        {
            using EventLoop other = new("another loop");
            await EventLoop.RunAsync(other, async () => await Task.Yield()).ConfigureAwait(EventLoop.IsCurrent);
        },
        ["a limit of a source that completes asynchronously"] = async loop =>
        {
            TaskCompletionSource source = new(TaskCreationOptions.RunContinuationsAsynchronously);
            loop.Post(_ => source.SetResult(), null);
            await EventLoop.OnLoop(source.Task).WaitAsync(Patience, EventLoop.Clock).ConfigureAwait(EventLoop.IsCurrent);
        },
    };

    public static TheoryData<string> WhatIsAwaited => [.. Waits.Keys];

    [Theory]
    [MemberData(nameof(WhatIsAwaited))]
    public async Task An_async_method_comes_back_to_the_loop_after(string what)
    {
        string? thread = null;
        await EventLoop.Start(_loop, async () =>
        {
            await Waits[what](_loop).ConfigureAwait(EventLoop.IsCurrent);
            thread = Thread.CurrentThread.Name;
            Assert.Same(_loop, EventLoop.Current);
        }).WaitAsync(Patience);
        Assert.True(thread == "loop of the test", $"after {what} it went on on thread '{thread}'");
    }

    [Fact]
    public async Task Code_that_awaits_without_a_context_does_not_go_on_on_the_loop()
    {
        TaskCompletionSource source = new();
        TaskCompletionSource<string?> wentOn = new();
        Thread program = new(() => _ = AwaitAsync());
        program.Start();
        program.Join();
        _loop.Post(_ => source.SetResult(), null);
        Assert.NotEqual("loop of the test", await wentOn.Task.WaitAsync(Patience));

        async Task AwaitAsync()
        {
            await source.Task;
            wentOn.SetResult(Thread.CurrentThread.Name);
        }
    }

    [Fact]
    public void Work_is_done_in_the_order_in_which_it_came_whatever_thread_does_it()
    {
        List<int> done = [];
        using ManualResetEventSlim hold = new();
        using ManualResetEventSlim ended = new();
        _loop.Post(_ => hold.Wait(), null);
        for (int i = 0; i < 100; i += 2)
        {
            int number = i;
            _loop.Post(_ => done.Add(number), null);
            _loop.Run(new Work(() => done.Add(number + 1)));
        }

        _loop.Post(_ => ended.Set(), null);
        hold.Set();
        Assert.True(ended.Wait(Patience), "what was queued last has not been done");
        Assert.Equal(Enumerable.Range(0, 100), done);
    }

    [Fact]
    public void A_thread_of_the_guest_does_an_idle_loops_work_itself_and_some_of_what_that_queues_before_the_loop_goes_on()
    {
        const int Queued = 40;
        const int AlsoHere = 16;
        ConcurrentQueue<string> done = new();
        using ManualResetEventSlim ended = new();
        // Until the loop's thread has begun to wait, the work is queued.
        Assert.True(SpinWait.SpinUntil(RunsHere, Patience), "the loop is never idle");
        Assert.True(ended.Wait(Patience), "what the work has queued has not been done");
        Assert.Equal(
            [
                "here",
                .. Enumerable.Range(0, Queued).Select(piece => piece < AlsoHere ? $"{piece} here as well" : $"{piece} on the loop"),
            ],
            done);
        Assert.Null(EventLoop.Current);

        bool RunsHere()
        {
            int caller = Environment.CurrentManagedThreadId;
            bool isHere = false;
            using ManualResetEventSlim ran = new();
            _loop.Run(new Work(() =>
            {
                isHere = Environment.CurrentManagedThreadId == caller;
                if (isHere)
                {
                    Assert.Same(_loop, EventLoop.Current);
                    for (int i = 0; i < Queued; i++)
                    {
                        int piece = i;
                        _loop.Post(
                            _ => Note($"{piece} {(Environment.CurrentManagedThreadId == caller ? "here as well" : "on the loop")}"), null);
                    }

                    Thread.Yield();
                    done.Enqueue("here");
                }

                ran.Set();
            }));
            Assert.True(ran.Wait(Patience), "work has not been done");
            return isHere;
        }

        void Note(string what)
        {
            done.Enqueue(what);
            if (done.Count > Queued)
            {
                ended.Set();
            }
        }
    }

    [Fact]
    public void Timers_fire_in_the_order_in_which_they_are_due_and_not_when_they_were_changed_or_disposed_of()
    {
        ConcurrentQueue<string> fired = new();
        using ManualResetEventSlim ended = new();
        using ManualResetEventSlim areMade = new();
        TimeProvider clock = _loop.ClockFor(TimeProvider.System);

        // Nothing fires before all are made, and what was changed is due in the order of the changes, however long they take.
        _loop.Post(_ => areMade.Wait(), null);
        using ITimer last = Make("last", 1);
        using ITimer later = Make("later", 1);
        using ITimer first = Make("first", 1);
        using ITimer never = Make("never", 1);
        later.Change(TimeSpan.FromMilliseconds(20), Timeout.InfiniteTimeSpan);
        last.Change(TimeSpan.FromMilliseconds(40), Timeout.InfiniteTimeSpan);
        never.Dispose();
        TimeSpan period = TimeSpan.FromMilliseconds(1);
        using ITimer again = clock.CreateTimer(_ => fired.Enqueue("again"), null, 5 * period, period);
        areMade.Set();
        Assert.True(ended.Wait(Patience), "the last timer has not fired");
        Assert.Equal(["first", "later", "last"], fired.Where(name => name != "again"));
        bool isPeriodic = SpinWait.SpinUntil(() => fired.Count(name => name == "again") > 2, Patience);
        Assert.True(isPeriodic, "a timer with a period has not fired three times");

        ITimer Make(string name, int milliseconds) => clock.CreateTimer(
            _ =>
            {
                fired.Enqueue(Thread.CurrentThread.Name == "loop of the test" ? name : $"{name} elsewhere");
                if (name == "last")
                {
                    ended.Set();
                }
            },
            null,
            TimeSpan.FromMilliseconds(milliseconds),
            Timeout.InfiniteTimeSpan);
    }

    [Fact]
    public void A_clock_of_the_callers_own_stays_what_it_is()
    {
        OwnClock own = new();
        Assert.Same(own, _loop.ClockFor(own));
        Assert.Same(TimeProvider.System, EventLoop.Clock);
    }

    [Fact]
    public void Code_of_the_program_is_called_by_the_pool_one_call_after_the_other()
    {
        ConcurrentQueue<int> called = new();
        using ManualResetEventSlim ended = new();
        int inside = 0;
        for (int i = 0; i < 50; i++)
        {
            int number = i;
            _loop.CallProgram(() =>
            {
                bool isAlone = Interlocked.Increment(ref inside) == 1;
                called.Enqueue(isAlone && Thread.CurrentThread.IsThreadPoolThread && !EventLoop.IsCurrent ? number : -1);
                Thread.Yield();
                Interlocked.Decrement(ref inside);
            });
        }

        _loop.CallProgram(ended.Set);
        Assert.True(ended.Wait(Patience), "the last call has not been made");
        Assert.Equal(Enumerable.Range(0, 50), called);
    }

    [Fact]
    public async Task A_loop_that_was_disposed_of_does_what_it_has_and_leaves_the_rest_to_the_pool()
    {
        using ManualResetEventSlim hold = new();
        string? before = null;
        bool isPool = false;
        _loop.Post(_ => hold.Wait(), null);
        Task queued = Start(() => before = Thread.CurrentThread.Name);
        _loop.Dispose();
        Task late = Start(() => isPool = Thread.CurrentThread.IsThreadPoolThread);
        hold.Set();
        await Task.WhenAll(queued, late).WaitAsync(Patience);
        Assert.Equal("loop of the test", before);
        Assert.True(isPool, "what came after the end was not done by the pool");

        Task Start(Action work) => EventLoop.Start(_loop, () =>
        {
            work();
            return Task.CompletedTask;
        });
    }

    private sealed class Work(Action execute) : IThreadPoolWorkItem
    {
        public void Execute() => execute();
    }

    private sealed class OwnClock : TimeProvider;
}
