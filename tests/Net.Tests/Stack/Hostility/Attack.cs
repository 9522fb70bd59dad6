namespace Xenlet.Net.Tests.Stack.Hostility;

/// <summary>What somebody on the network does.</summary>
/// <param name="Name">Its name.</param>
/// <param name="MostAnswers">How many frames a frame of it may be answered with, on average.</param>
/// <param name="Send">Sends the frame of this number.</param>
/// <param name="MostKibibytes">What the stack may keep of it in all.</param>
internal sealed record Attack(string Name, double MostAnswers, Action<HostileNetwork, int> Send, int MostKibibytes = 1)
{
    public override string ToString() => Name;
}
