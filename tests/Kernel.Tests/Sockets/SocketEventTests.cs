using CsCheck;

namespace Xenlet.Kernel.Tests.Sockets;

/// <summary>epoll reports of sockets, over the product's own stack, what the Linux that runs the tests reports of its own.</summary>
public sealed class SocketEventTests : RealStackTest
{
    /// <summary>What happens, as often as it is here.</summary>
    private static readonly SocketAct[] s_weighted =
    [
        .. Enum.GetValues<SocketAct>(), SocketAct.MakePair, SocketAct.Wait, SocketAct.Wait, SocketAct.Wait, SocketAct.Wait, SocketAct.Wait,
        SocketAct.Wait, SocketAct.Add, SocketAct.Add, SocketAct.Add, SocketAct.Write, SocketAct.Write, SocketAct.Write, SocketAct.Read,
        SocketAct.Read, SocketAct.Connect, SocketAct.Accept,
    ];

    [Fact]
    public void Random_sequences_over_sockets_sets_duplicates_and_used_numbers_give_the_events_of_Linux() =>
        Gen.Select(Gen.Int[0, s_weighted.Length - 1], Gen.Int[0, 13], Gen.Int[0, 13], Gen.UInt[0, 1023]).Array[20, 120].Sample(
            static steps =>
            {
                Boot(MemoryFrames);
                unsafe
                {
                    SignalDelivery.Action(SignalNumber.SIGPIPE)->sa_handler = SignalAction.SIG_IGN;
                }

                using RealStack stack = new();
                SocketComparison both = new(stack.Call, stack.Settle);
                try
                {
                    SocketAct[] start = [SocketAct.MakeSet, SocketAct.MakeSet, SocketAct.MakePair, SocketAct.MakeDatagramPair];
                    foreach (SocketAct act in start)
                    {
                        both.Step(act, 0, 0, 0);
                    }

                    foreach ((int act, int one, int other, uint bits) in steps)
                    {
                        both.Step(s_weighted[act], one, other, bits);
                    }

                    Assert.Empty(stack.Said);
                }
                finally
                {
                    SocketComparison.CloseHost();
                }
            },
            iter: 100,
            threads: 1);
}
