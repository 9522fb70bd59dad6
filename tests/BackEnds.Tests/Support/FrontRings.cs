using Xenlet.Drivers.Tests;

namespace Xenlet.BackEnds.Tests;

/// <summary>What front ends of tests do with their rings.</summary>
internal static class FrontRings
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>The next responses, for which it waits as a front end does.</summary>
    public static async Task<TResponse[]> TakeAsync<TRequest, TResponse>(
        this FrontRing<TRequest, TResponse> ring, TestChannel channel, int count)
        where TRequest : unmanaged
        where TResponse : unmanaged
    {
        TResponse[] responses = new TResponse[count];
        for (int i = 0; i < count; i++)
        {
            while (!ring.TryTake(out responses[i]))
            {
                if (!ring.FinalCheck())
                {
                    await channel.WaitAsync().AsTask().WaitAsync(Patience);
                }
            }
        }

        return responses;
    }
}
