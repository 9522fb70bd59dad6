using CsCheck;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Tests;

/// <summary>The run queue and the list of deadlines.</summary>
public sealed unsafe class QueueTests : NucleusTest
{
    private const int Count = 6;

    [Fact]
    public void The_run_queue_is_first_come_first_served_but_for_the_urgent()
    {
        Thread*[] threads = Threads();
        Assert.True(RunQueue.IsEmpty);
        Assert.True(RunQueue.Take() == null);

        RunQueue.Append(threads[0]);
        RunQueue.Append(threads[1]);
        RunQueue.AddUrgent(threads[2]);
        Assert.False(RunQueue.IsEmpty);
        AssertTaken(threads, 2, 0);

        RunQueue.Append(threads[3]);
        AssertTaken(threads, 1, 3);
        Assert.True(RunQueue.IsEmpty);

        RunQueue.AddUrgent(threads[4]);
        RunQueue.Append(threads[5]);
        AssertTaken(threads, 4, 5);
        Assert.True(RunQueue.Take() == null);

        RunQueue.AddBehindUrgent(threads[0]);
        RunQueue.AddBehindUrgent(threads[1]);
        RunQueue.AddUrgent(threads[2]);
        RunQueue.AddBehindUrgent(threads[3]);
        RunQueue.Append(threads[4]);
        AssertTaken(threads, 2, 3, 1, 0, 4);
        Assert.True(RunQueue.IsEmpty);
    }

    [Fact]
    public void The_urgent_are_first_come_first_served_among_themselves()
    {
        Thread*[] threads = Threads();
        RunQueue.Append(threads[0]);
        RunQueue.AddUrgent(threads[1]);
        RunQueue.AddUrgent(threads[2]);
        AssertTaken(threads, 1);

        RunQueue.AddUrgent(threads[3]);
        AssertTaken(threads, 2, 3);
        RunQueue.AddUrgent(threads[4]);
        AssertTaken(threads, 4, 0);

        RunQueue.AddUrgent(threads[1]);
        RunQueue.AddUrgent(threads[2]);
        RunQueue.Append(threads[5]);
        AssertTaken(threads, 1, 2, 5);
        Assert.True(RunQueue.IsEmpty);
    }

    [Fact]
    public void Deadlines_expire_in_order_and_equal_ones_in_the_order_they_came()
    {
        Thread*[] threads = Threads();
        Assert.Equal(ulong.MaxValue, Deadlines.Earliest);
        ulong[] times = [50, 10, 30, 10, 90, 30];
        for (int i = 0; i < Count; i++)
        {
            Deadlines.Add(threads[i], times[i]);
        }

        Assert.Equal(10ul, Deadlines.Earliest);
        Assert.True(Deadlines.TakeExpired(9) == null);
        AssertExpired(threads, 10, 1, 3);
        Assert.Equal(30ul, Deadlines.Earliest);
        AssertExpired(threads, 89, 2, 5, 0);
        AssertExpired(threads, ulong.MaxValue, 4);
        Assert.Equal(ulong.MaxValue, Deadlines.Earliest);
    }

    [Fact]
    public void A_removed_deadline_does_not_expire_and_can_be_removed_again()
    {
        Thread*[] threads = Threads();
        for (int i = 0; i < 4; i++)
        {
            Deadlines.Add(threads[i], (ulong)i);
        }

        Deadlines.Remove(threads[0]);
        Deadlines.Remove(threads[2]);
        Deadlines.Remove(threads[2]);
        Deadlines.Remove(threads[5]);

        Assert.Equal(1ul, Deadlines.Earliest);
        AssertExpired(threads, 100, 1, 3);
        Assert.False(threads[1]->HasDeadline);
    }

    [Fact]
    public void Any_sequence_of_deadlines_is_a_sorted_list() =>
        Gen.Select(Gen.Int[0, Count - 1], Gen.ULong[0, 9], Gen.Bool).Array[1, 40].Sample(
            steps =>
            {
                Boot(64);
                Thread*[] threads = Threads();
                List<(ulong Deadline, int Thread)> model = [];
                foreach ((int index, ulong deadline, bool remove) in steps)
                {
                    bool isIn = model.Exists(entry => entry.Thread == index);
                    if (remove || isIn)
                    {
                        Deadlines.Remove(threads[index]);
                        model.RemoveAll(entry => entry.Thread == index);
                    }
                    else
                    {
                        Deadlines.Add(threads[index], deadline);
                        model.Add((deadline, index));
                    }

                    Assert.Equal(model.Count == 0 ? ulong.MaxValue : model.Min(entry => entry.Deadline), Deadlines.Earliest);
                }

                IOrderedEnumerable<(ulong Deadline, int Thread)> expired = model.Where(entry => entry.Deadline <= 5).OrderBy(
                    entry => entry.Deadline);
                AssertExpired(threads, 5, [.. expired.Select(entry => entry.Thread)]);
            },
            iter: 500,
            threads: 1);

    private static Thread*[] Threads()
    {
        Thread*[] threads = new Thread*[Count];
        for (int i = 0; i < Count; i++)
        {
            threads[i] = ThreadTable.Create();
        }

        return threads;
    }

    private static void AssertTaken(Thread*[] threads, params int[] order)
    {
        foreach (int index in order)
        {
            Assert.Equal(threads[index]->Id, RunQueue.Take()->Id);
        }
    }

    private static void AssertExpired(Thread*[] threads, ulong now, params int[] order)
    {
        foreach (int index in order)
        {
            Thread* expired = Deadlines.TakeExpired(now);
            Assert.True(expired != null, "nothing more has expired");
            Assert.Equal(threads[index]->Id, expired->Id);
        }

        Assert.True(Deadlines.TakeExpired(now) == null);
    }
}
