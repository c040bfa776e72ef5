/* The command that `make bench` runs: static, and ends at once. */
int main(void)
{
	return 0;
}
