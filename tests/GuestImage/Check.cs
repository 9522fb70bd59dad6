using System.Runtime.CompilerServices;

namespace Xenlet.GuestImage;

/// <summary>A claim of a case that did not hold.</summary>
internal sealed class CheckFailedException(string message) : Exception(message);

/// <summary>The claims of cases: one that does not hold ends the case and reports the claim.</summary>
internal static class Check
{
    public static void That(bool holds, [CallerArgumentExpression(nameof(holds))] string? what = null)
    {
        if (!holds)
        {
            throw new CheckFailedException($"not so: {what}");
        }
    }

    public static void Equal<T>(T expected, T actual, [CallerArgumentExpression(nameof(actual))] string? what = null)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, actual))
        {
            throw new CheckFailedException($"{what}: expected {expected}, was {actual}");
        }
    }

    /// <summary>Runs something that must throw exactly <typeparamref name="T"/>, and returns the exception.</summary>
    public static T Throws<T>(Action action)
        where T : Exception
    {
        try
        {
            action();
        }
        catch (Exception thrown) when (thrown.GetType() == typeof(T))
        {
            return (T)thrown;
        }
        catch (Exception other)
        {
            throw new CheckFailedException($"expected {typeof(T).Name}, was {other}");
        }

        throw new CheckFailedException($"expected {typeof(T).Name}, nothing was thrown");
    }

    /// <summary>Awaits something that must throw exactly <typeparamref name="T"/>, and returns the exception.</summary>
    public static async Task<T> ThrowsAsync<T>(Func<Task> action)
        where T : Exception
    {
        try
        {
            await action();
        }
        catch (Exception thrown) when (thrown.GetType() == typeof(T))
        {
            return (T)thrown;
        }
        catch (Exception other)
        {
            throw new CheckFailedException($"expected {typeof(T).Name}, was {other}");
        }

        throw new CheckFailedException($"expected {typeof(T).Name}, nothing was thrown");
    }

    /// <summary>Waits until <paramref name="condition"/> holds; a minute is enough for anything, even in an emulator.</summary>
    public static void Eventually(Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string? what = null)
    {
        long limit = Environment.TickCount64 + 60_000;
        while (!condition())
        {
            if (Environment.TickCount64 > limit)
            {
                throw new CheckFailedException($"not so after a minute: {what}");
            }

            Thread.Sleep(1);
        }
    }

    /// <summary>Joins a thread that has to end by itself.</summary>
    public static void Ends(Thread thread)
    {
        if (!thread.Join(TimeSpan.FromMinutes(1)))
        {
            throw new CheckFailedException($"thread {thread.Name ?? thread.ManagedThreadId.ToString()} did not end within a minute");
        }
    }
}
