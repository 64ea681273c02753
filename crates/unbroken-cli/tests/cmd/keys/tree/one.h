extern int one;
