namespace Xenlet.GuestImage;

/// <summary>The code of one case.</summary>
/// <param name="Name">Its name in <see cref="CaseTable"/>.</param>
/// <param name="Run">Runs it with the arguments that followed its name; gives the exit code of the process if the case ends it by
/// returning, else 0.</param>
internal sealed record Case(string Name, Func<string[], int> Run)
{
    public Case(string name, Action run)
        : this(name, _ =>
        {
            run();
            return 0;
        })
    {
    }

    /// <summary>An asynchronous case: the calling thread waits for its end, as <c>Main</c> does.</summary>
    public Case(string name, Func<Task> run)
        : this(name, _ =>
        {
            run().GetAwaiter().GetResult();
            return 0;
        })
    {
    }
}
